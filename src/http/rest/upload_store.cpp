#include "http/rest/upload_store.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/random_id.hpp"

namespace minidfs::http::rest {
namespace {

// A file of a few bytes, with the directories above it.
asio::awaitable<Status> write_small(client::ClientContext& context, std::string path,
                                    client::UploadSettings settings, std::string content) {
  const auto executor = co_await asio::this_coro::executor;
  auto made = client::FileUpload::make(executor, context, path, settings);
  if (!made.ok()) co_return std::move(made).error();
  auto& file = **made;
  const std::span text(content);
  Status written = co_await file.write(std::as_bytes(text));
  if (written.ok()) written = co_await file.commit();
  co_await file.close();
  if (!written.ok()) co_return client::with_path(std::move(written).error(), path);
  co_return Status();
}

asio::awaitable<Result<std::string>> read_small(client::ClientContext& context, std::string path) {
  const auto executor = co_await asio::this_coro::executor;
  auto page = co_await client::locate(context, path, 0);
  if (!page.ok()) co_return std::move(page).error();
  client::FileDownload file(executor, context, path, *std::move(page), 0, kPlanBytesMax);
  std::string content;
  for (;;) {
    const auto bytes = co_await file.next();
    if (!bytes.ok()) co_return bytes.error();
    if (bytes->empty()) co_return content;
    content.append(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }
}

void note(UploadState& state, metadata::FileStatus entry) {
  state.changed_ms = std::max(state.changed_ms, entry.modified_ms);
  if (const auto number = part_number(entry.name)) {
    state.parts[*number] = entry.length;
  } else if (entry.name == kJoinedName) {
    state.joined = std::move(entry);
  } else if (entry.name == kAbandonedName) {
    state.abandoned = true;
  } else if (entry.name != kPlanName) {
    state.others.push_back(std::move(entry.name));
  }
}

}  // namespace

std::vector<std::uint64_t> missing_parts(const UploadPlan& plan, const UploadState& state,
                                         std::size_t most) {
  std::vector<std::uint64_t> missing;
  for (std::uint64_t number = 0; number < plan.parts() && missing.size() < most; ++number) {
    const auto found = state.parts.find(number);
    const bool whole = found != state.parts.end() && found->second == plan.length_of(number);
    if (!whole) missing.push_back(number);
  }
  return missing;
}

client::UploadSettings settings_of(const client::ClientContext& context, const UploadPlan& plan) {
  client::UploadSettings settings;
  settings.owner = context.options.user;
  settings.group = context.options.group;
  settings.replication = plan.replication;
  settings.block_size = plan.block_size;
  settings.compression = plan.compression;
  return settings;
}

// The plan comes last: with it the upload is there.
asio::awaitable<Result<std::string>> begin_stored_upload(client::ClientContext& context,
                                                         UploadPlan& plan) {
  if (plan.block_size == 0) plan.block_size = context.options.block_size;
  Status fits = check_size(plan);
  if (!fits.ok()) co_return std::move(fits).error();
  const auto bits = random_128();
  const auto id = hex_64(bits.high) + hex_64(bits.low);
  const auto settings = settings_of(context, plan);
  Status written = co_await write_small(context, joined_path(id), settings, "");
  if (!written.ok()) co_return std::move(written).error();
  const auto usual = settings_of(context, {});
  written = co_await write_small(context, plan_path(id), usual, stored_form(plan));
  if (!written.ok()) co_return std::move(written).error();
  co_return id;
}

asio::awaitable<Result<UploadPlan>> read_plan(client::ClientContext& context, std::string id) {
  auto content = co_await read_small(context, plan_path(id));
  if (!content.ok() && content.error().code == Errc::kNotFound) {
    co_return Error{Errc::kNotFound, "upload " + id + ": not found"};
  }
  if (!content.ok()) co_return std::move(content).error();
  auto plan = parse_upload_plan(*content);
  if (!plan.ok() || plan->block_size == 0) {
    co_return Error{Errc::kCorrupt, plan_path(id) + ": not the plan of an upload"};
  }
  co_return plan;
}

asio::awaitable<Result<UploadState>> look_up(client::ClientContext& context, std::string id) {
  UploadState state;
  std::string start_after;
  for (;;) {
    auto page = co_await client::list_page(context, upload_directory(id), start_after, 0);
    if (!page.ok()) co_return std::move(page).error();
    if (!page->entries.empty()) start_after = page->entries.back().name;
    for (auto& entry : page->entries) note(state, std::move(entry));
    if (!page->more) co_return state;
  }
}

Status check_replacing(const UploadPlan& plan, const metadata::FileStatus& there) {
  if (there.kind == metadata::FileKind::kDirectory) return is_a_directory(plan);
  if (plan.overwrite) return {};
  return already_exists(plan);
}

Error is_a_directory(const UploadPlan& plan) {
  return {Errc::kIsADirectory, plan.path + ": is a directory"};
}

Error already_exists(const UploadPlan& plan) {
  return {Errc::kAlreadyExists, plan.path + ": already exists"};
}

}  // namespace minidfs::http::rest
