// The end of an upload in parts, good or bad. Every step leaves a state from which it can go on.
#include <utility>

#include "http/rest/upload_store.hpp"

namespace minidfs::http::rest {
namespace {

// Steps that one who finishes an upload takes, when others who do the same are always quicker.
constexpr int kStepsMax = 12;

// Somebody else has taken a step: what is there is to be looked at again.
Error overtaken(const std::string& path) {
  return {Errc::kStale, path + ": has changed meanwhile"};
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

// It takes the place of what stands there in the moment in which it comes.
asio::awaitable<Status> put_in_place(client::ClientContext& context, const std::string& id,
                                     const UploadPlan& plan) {
  Status parents = co_await make_parents(context, plan.path);
  if (!parents.ok()) co_return parents;
  metadata::RenameExactly change;
  change.source = joined_path(id);
  change.target = plan.path;
  change.overwrite = plan.overwrite;
  const auto moved = co_await client::apply(context, std::move(change), "");
  if (moved.ok()) co_return Status();
  switch (moved.error().code) {
    case Errc::kNotFound:
      co_return overtaken(plan.path);
    case Errc::kAlreadyExists:
      co_return already_exists(plan);
    case Errc::kIsADirectory:
      co_return is_a_directory(plan);
    default:
      co_return moved.error();
  }
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
                              const UploadState& state) {
  for (const auto& [number, length] : state.parts) {
    Status removed = co_await drop_entry(context, part_path(id, number), true);
    if (!removed.ok()) co_return removed;
  }
  co_return Status();
}

// Nobody puts the file at its place any more: it cannot be found.
asio::awaitable<Status> mark_abandoned(client::ClientContext& context, const std::string& id) {
  metadata::Rename change;
  change.source = joined_path(id);
  change.target = abandoned_path(id);
  const auto moved = co_await client::apply(context, std::move(change), "");
  if (moved.ok() || moved.error().code == Errc::kNotFound) co_return Status();
  co_return moved.error();
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
      step = co_await clear(context, id, *state);
    } else if (state->is_joined(plan)) {
      step = co_await put_in_place(context, id, plan);
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
  Status step = co_await mark_abandoned(context, id);
  if (!step.ok()) co_return step;
  for (int steps = 0; steps < kStepsMax; ++steps) {
    const auto state = co_await look_up(context, id);
    if (!state.ok()) co_return state.error();
    step = co_await clear(context, id, *state);
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
