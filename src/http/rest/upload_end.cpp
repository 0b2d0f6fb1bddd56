// The end of an upload in parts, good or bad. Every step leaves a state from which it can go on.
#include <utility>

#include "base/path.hpp"
#include "base/random_id.hpp"
#include "http/rest/upload_store.hpp"

namespace minidfs::http::rest {
namespace {

// Steps that one who finishes an upload takes, when others who do the same are always quicker.
constexpr int kStepsMax = 12;

// Somebody else has taken a step: what is there is to be looked at again.
Error overtaken(const std::string& path) {
  return {Errc::kStale, path + ": has changed meanwhile"};
}

asio::awaitable<Result<std::uint64_t>> move_entry(client::ClientContext& context, std::string from,
                                                  std::string to) {
  metadata::Rename change;
  change.source = std::move(from);
  change.target = std::move(to);
  auto moved = co_await client::apply(context, std::move(change), "");
  co_return moved;
}

// What is not there any more was removed.
asio::awaitable<Status> drop_entry(client::ClientContext& context, std::string path,
                                   bool recursive) {
  metadata::Remove change;
  change.path = path;
  change.recursive = recursive;
  const auto removed = co_await client::apply(context, std::move(change), path);
  if (removed.ok() || removed.error().code == Errc::kNotFound) co_return Status();
  co_return removed.error();
}

asio::awaitable<Status> make_parents(client::ClientContext& context, const std::string& path) {
  metadata::MakeDirectory change;
  change.path = path.substr(0, path.rfind('/'));
  if (change.path.empty()) co_return Status();
  change.parents = true;
  change.owner = context.options.user;
  change.group = context.options.group;
  const auto made = co_await client::apply(context, std::move(change), "");
  co_return made.ok() ? Status() : Status(made.error());
}

asio::awaitable<Status> join(client::ClientContext& context, const std::string& id,
                             const UploadPlan& plan, const UploadState& state) {
  if (state.joined->length > 0) {
    co_return Error{Errc::kCorrupt, joined_path(id) + ": has " +
                                        std::to_string(state.joined->length) + " bytes, not " +
                                        std::to_string(plan.size)};
  }
  if (!missing_parts(plan, state, 1).empty()) {
    co_return Error{Errc::kInvalidArgument, "upload " + id + ": parts are missing"};
  }
  metadata::ConcatFiles change;
  change.target = joined_path(id);
  for (std::uint64_t number = 0; number < plan.parts(); ++number) {
    change.sources.push_back(part_path(id, number));
  }
  const auto joined = co_await client::apply(context, std::move(change), "");
  if (joined.ok()) co_return Status();
  const bool by_other = joined.error().code == Errc::kNotFound;
  co_return by_other ? overtaken(joined_path(id)) : joined.error();
}

// --- The file that is replaced -----------------------------------------------------------------

// Removes it, unless it is another one by now. Under a name that nobody else knows it stays the one
// that was looked at.
asio::awaitable<Status> drop_replaced(client::ClientContext& context, const std::string& id,
                                      const UploadPlan& plan, InodeId old) {
  const auto dropped = upload_directory(id) + "/dropped-" + hex_64(random_128().low);
  const auto moved = co_await move_entry(context, replaced_path(id), dropped);
  if (!moved.ok()) {
    co_return moved.error().code == Errc::kNotFound ? Status() : Status(moved.error());
  }
  if (*moved == old.value) {
    Status removed = co_await drop_entry(context, dropped, true);
    co_return removed;
  }
  const auto returned = co_await move_entry(context, dropped, plan.path);
  co_return returned.ok() ? overtaken(plan.path) : returned.error();
}

// It returns to its place when that is free, and has been replaced when it is not.
asio::awaitable<Status> settle_replaced(client::ClientContext& context, const std::string& id,
                                        const UploadPlan& plan, InodeId old) {
  const auto there = co_await client::stat(context, plan.path);
  Status settled;
  if (there.ok()) {
    settled = co_await drop_replaced(context, id, plan, old);
    co_return settled;
  }
  if (there.error().code != Errc::kNotFound) co_return there.error();
  const auto returned = co_await move_entry(context, replaced_path(id), plan.path);
  if (returned.ok() || returned.error().code == Errc::kNotFound) co_return Status();
  co_return returned.error();
}

// Frees the place of the file. One that was put there after it was looked at goes back.
asio::awaitable<Status> move_away(client::ClientContext& context, const std::string& id,
                                  const UploadPlan& plan, InodeId old) {
  const auto replaced = replaced_path(id);
  const auto moved = co_await move_entry(context, plan.path, replaced);
  if (!moved.ok()) {
    const auto code = moved.error().code;
    const bool by_other = code == Errc::kNotFound || code == Errc::kAlreadyExists;
    co_return by_other ? overtaken(plan.path) : moved.error();
  }
  if (*moved == old.value) co_return Status();
  const auto returned = co_await move_entry(context, replaced, plan.path);
  co_return returned.ok() ? overtaken(plan.path) : returned.error();
}

asio::awaitable<Status> free_place(client::ClientContext& context, const std::string& id,
                                   const UploadPlan& plan, const UploadState& state) {
  const auto old = co_await client::stat(context, plan.path);
  if (!old.ok()) co_return old.error().code == Errc::kNotFound ? Status() : Status(old.error());
  if (old->id == state.joined->id) co_return overtaken(plan.path);
  Status may = check_replacing(plan, *old);
  if (!may.ok()) co_return may;
  if (state.replaced) {
    Status dropped = co_await drop_replaced(context, id, plan, *state.replaced);
    if (!dropped.ok()) co_return dropped;
  }
  Status moved = co_await move_away(context, id, plan, old->id);
  co_return moved;
}

// --- The file itself ---------------------------------------------------------------------------

// A rename goes into what has become a directory meanwhile, which is not what was wanted.
asio::awaitable<Status> check_moved(client::ClientContext& context, const std::string& id,
                                    const UploadPlan& plan) {
  const auto there = co_await client::stat(context, plan.path);
  if (!there.ok() || there->kind != metadata::FileKind::kDirectory) co_return Status();
  const auto inside = join_path(plan.path, kJoinedName);
  const auto returned = co_await move_entry(context, inside, joined_path(id));
  if (!returned.ok() && returned.error().code != Errc::kNotFound) co_return returned.error();
  co_return Error{Errc::kIsADirectory, plan.path + ": is a directory"};
}

// No rename replaces a file, so it is two: for the time of one change there is nothing at the
// place. Whoever goes on after an end in between finds the place free.
asio::awaitable<Status> put_in_place(client::ClientContext& context, const std::string& id,
                                     const UploadPlan& plan, const UploadState& state) {
  Status step = co_await make_parents(context, plan.path);
  if (step.ok()) step = co_await free_place(context, id, plan, state);
  if (!step.ok()) co_return step;
  const auto moved = co_await move_entry(context, joined_path(id), plan.path);
  if (moved.ok()) {
    step = co_await check_moved(context, id, plan);
    co_return step;
  }
  const auto code = moved.error().code;
  const bool by_other = code == Errc::kNotFound || code == Errc::kAlreadyExists;
  co_return by_other ? overtaken(plan.path) : moved.error();
}

// --- What is left ------------------------------------------------------------------------------

asio::awaitable<Status> drop_others(client::ClientContext& context, const std::string& id,
                                    const UploadState& state) {
  for (const auto& name : state.others) {
    Status removed = co_await drop_entry(context, upload_directory(id) + '/' + name, true);
    if (!removed.ok()) co_return removed;
  }
  co_return Status();
}

// Of an upload that is complete only its plan is kept, for those who ask once more.
asio::awaitable<Status> clear(client::ClientContext& context, const std::string& id,
                              const UploadPlan& plan, const UploadState& state) {
  if (state.replaced) {
    Status settled = co_await settle_replaced(context, id, plan, *state.replaced);
    if (!settled.ok()) co_return settled;
  }
  for (const auto& [number, length] : state.parts) {
    Status removed = co_await drop_entry(context, part_path(id, number), true);
    if (!removed.ok()) co_return removed;
  }
  co_return Status();
}

// Nobody puts the file at its place any more: it cannot be found.
asio::awaitable<Status> mark_abandoned(client::ClientContext& context, const std::string& id) {
  const auto moved = co_await move_entry(context, joined_path(id), abandoned_path(id));
  if (moved.ok() || moved.error().code == Errc::kNotFound) co_return Status();
  co_return moved.error();
}

// One that was never quite begun has no plan, and has replaced nothing.
asio::awaitable<Result<UploadPlan>> plan_if_any(client::ClientContext& context,
                                                const std::string& id) {
  auto plan = co_await read_plan(context, id);
  if (!plan.ok() && plan.error().code == Errc::kNotFound) co_return UploadPlan();
  co_return plan;
}

}  // namespace

asio::awaitable<Status> finish_stored_upload(client::ClientContext& context, std::string id,
                                             const UploadPlan& plan) {
  Status step;
  for (int steps = 0; steps < kStepsMax; ++steps) {
    const auto state = co_await look_up(context, id);
    if (!state.ok()) co_return state.error();
    if (state->abandoned) co_return Error{Errc::kNotFound, "upload " + id + ": was abandoned"};
    const bool complete = state->complete();
    if (complete) {
      step = co_await clear(context, id, plan, *state);
    } else if (state->is_joined(plan)) {
      step = co_await put_in_place(context, id, plan, *state);
    } else {
      step = co_await join(context, id, plan, *state);
    }
    if (step.ok() && complete) co_return step;
    if (!step.ok() && step.error().code != Errc::kStale) co_return step;
  }
  co_return Error{Errc::kBusy, plan.path + ": others are changing it"};
}

// One entry after another, and the directory when it is empty: so what somebody who completes the
// upload at the same time has just moved there is not removed with it.
asio::awaitable<Status> abandon_stored_upload(client::ClientContext& context, std::string id) {
  const auto plan = co_await plan_if_any(context, id);
  if (!plan.ok()) co_return plan.error();
  Status step = co_await mark_abandoned(context, id);
  if (!step.ok()) co_return step;
  for (int steps = 0; steps < kStepsMax; ++steps) {
    const auto state = co_await look_up(context, id);
    if (!state.ok()) co_return state.error();
    step = co_await clear(context, id, *plan, *state);
    if (step.ok()) step = co_await drop_others(context, id, *state);
    if (step.ok()) step = co_await drop_entry(context, abandoned_path(id), true);
    if (step.ok()) step = co_await drop_entry(context, plan_path(id), true);
    if (step.ok()) step = co_await drop_entry(context, upload_directory(id), false);
    if (step.ok()) co_return step;
    const auto code = step.error().code;
    if (code != Errc::kStale && code != Errc::kNotEmpty) co_return step;
  }
  co_return Error{Errc::kBusy, "upload " + id + ": others are changing it"};
}

}  // namespace minidfs::http::rest
