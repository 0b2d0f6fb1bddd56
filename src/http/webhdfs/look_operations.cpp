// The operations that only look at the namespace.
#include <algorithm>
#include <array>

#include "actors/admin_messages.hpp"
#include "base/path.hpp"
#include "http/webhdfs/service.hpp"

namespace minidfs::http::webhdfs {
namespace {

using metadata::FileKind;
using metadata::FileStatus;

// A page of LISTSTATUS_BATCH, as HDFS's dfs.ls.limit.
constexpr std::uint32_t kPageEntries = 1000;
// Of GETFILEBLOCKLOCATIONS: enough for a file of 6 TiB in blocks of 64 MiB.
constexpr std::size_t kLocatedMax = 100'000;

bool is_directory(const FileStatus& status) { return status.kind == FileKind::kDirectory; }

asio::awaitable<Answer> get_file_status(Call& call) {
  const auto status = co_await client::stat(call.context, call.path);
  if (!status.ok()) co_return failed_to_look(status.error(), does_not_exist(call));
  co_return json_response({{"FileStatus", file_status(*status, "")}});
}

// The entries of a page; a file is listed under no name.
Json entries_of(const client::ListPage& page, bool of_directory) {
  Json entries = Json::array();
  for (const auto& entry : page.entries) {
    entries.push_back(file_status(entry, of_directory ? entry.name : ""));
  }
  return entries;
}

// However many entries there are: page by page.
asio::awaitable<Answer> list_status(Call& call) {
  const auto status = co_await client::stat(call.context, call.path);
  if (!status.ok()) {
    co_return failed_to_look(status.error(), "File " + call.path + " does not exist.");
  }
  const bool of_directory = is_directory(*status);
  auto page = co_await client::list_page(call.context, call.path, "", 0);
  if (!page.ok()) co_return failed(page.error());
  if (!page->more) {
    co_return json_response({{"FileStatuses", {{"FileStatus", entries_of(*page, of_directory)}}}});
  }
  ResponseHead head;
  head.fields.add("Content-Type", "application/json");
  Status sent = co_await call.exchange.begin(std::move(head), std::nullopt);
  std::string text = R"({"FileStatuses":{"FileStatus":[)";
  while (sent.ok()) {
    const auto entries = to_text(entries_of(*page, of_directory));
    text += entries.substr(1, entries.size() - 2);
    if (!page->more || page->entries.empty()) text += "]}}";
    sent = co_await call.exchange.write(std::as_bytes(std::span(text)));
    if (!page->more || page->entries.empty()) break;
    auto after = page->entries.back().name;
    page = co_await client::list_page(call.context, call.path, std::move(after), 0);
    if (!page.ok()) co_return std::nullopt;  // The connection ends before the response does.
    text = ",";
    if (page->entries.empty()) text.clear();
  }
  if (sent.ok()) sent = co_await call.exchange.end();
  co_return std::nullopt;
}

asio::awaitable<Answer> list_status_batch(Call& call) {
  const auto after = call.parameters.text("startafter").value_or("");
  const auto status = co_await client::stat(call.context, call.path);
  if (!status.ok()) {
    co_return failed_to_look(status.error(), "File " + call.path + " does not exist.");
  }
  const auto page = co_await client::list_page(call.context, call.path, after, kPageEntries);
  if (!page.ok()) co_return failed(page.error());
  // How many there are is not counted: clients ask whether it is 0.
  const int remaining = page->more ? 1 : 0;
  auto entries = entries_of(*page, is_directory(*status));
  co_return json_response(
      {{"DirectoryListing",
        {{"partialListing", {{"FileStatuses", {{"FileStatus", std::move(entries)}}}}},
         {"remainingEntries", remaining}}}});
}

// --- Sums over a tree --------------------------------------------------------------------------

struct Summary {
  std::uint64_t length = 0;
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t space = 0;

  void add(const FileStatus& status) {
    if (is_directory(status)) {
      ++directories;
      return;
    }
    ++files;
    length += status.length;
    space += status.length * status.replication;
  }
};

// What vanishes meanwhile does not count.
asio::awaitable<Result<Summary>> sum_up(Call& call) {
  const auto root = co_await client::stat(call.context, call.path);
  if (!root.ok()) co_return root.error();
  Summary summary;
  summary.add(*root);
  std::vector<std::string> left;
  if (is_directory(*root)) left.push_back(call.path);
  while (!left.empty()) {
    const auto directory = std::move(left.back());
    left.pop_back();
    std::string after;
    for (bool more = true; more;) {
      const auto page = co_await client::list_page(call.context, directory, after, 0);
      if (!page.ok() && page.error().code == Errc::kNotFound) break;
      if (!page.ok()) co_return page.error();
      for (const auto& entry : page->entries) {
        summary.add(entry);
        if (is_directory(entry)) left.push_back(join_path(directory, entry.name));
      }
      more = page->more && !page->entries.empty();
      if (more) after = page->entries.back().name;
    }
  }
  co_return summary;
}

asio::awaitable<Answer> get_content_summary(Call& call) {
  const auto summary = co_await sum_up(call);
  if (!summary.ok()) co_return failed_to_look(summary.error(), does_not_exist(call));
  co_return json_response({{"ContentSummary",
                            {{"directoryCount", summary->directories},
                             {"ecPolicy", ""},
                             {"fileCount", summary->files},
                             {"length", summary->length},
                             {"quota", -1},
                             {"spaceConsumed", summary->space},
                             {"spaceQuota", -1},
                             {"snapshotDirectoryCount", 0},
                             {"snapshotFileCount", 0},
                             {"snapshotLength", 0},
                             {"snapshotSpaceConsumed", 0},
                             {"typeQuota", Json::object()}}}});
}

asio::awaitable<Answer> get_quota_usage(Call& call) {
  const auto summary = co_await sum_up(call);
  if (!summary.ok()) co_return failed_to_look(summary.error(), does_not_exist(call));
  co_return json_response({{"QuotaUsage",
                            {{"fileAndDirectoryCount", summary->files + summary->directories},
                             {"quota", -1},
                             {"spaceConsumed", summary->space},
                             {"spaceQuota", -1},
                             {"typeQuota", Json::object()}}}});
}

// --- Where blocks are --------------------------------------------------------------------------

struct Located {
  FileStatus status;
  std::vector<metadata::LocatedBlock> blocks;  // Those with a byte of what was asked for.
  bool to_the_end = false;
};

asio::awaitable<Result<Located>> locate_range(Call& call) {
  const auto offset_asked = call.parameters.number("offset", 0);
  if (!offset_asked.ok()) co_return offset_asked.error();
  const auto length_asked = call.parameters.number("length", 0);
  if (!length_asked.ok()) co_return length_asked.error();
  const auto offset = static_cast<std::uint64_t>(offset_asked->value_or(0));
  const auto length = static_cast<std::uint64_t>(length_asked->value_or(INT64_MAX));
  const auto end = offset + length;  // Each is below 2^63.
  Located located;
  for (auto at = offset;;) {
    auto page = co_await client::locate(call.context, call.path, at);
    if (!page.ok()) co_return std::move(page).error();
    located.status = page->status;
    for (auto& block : page->blocks) {
      at = block.offset + block.block.length;
      if (block.offset < end && at > offset) located.blocks.push_back(std::move(block));
    }
    located.to_the_end = !page->more && end >= page->status.length;
    if (!page->more || page->blocks.empty() || at >= end) break;
    if (located.blocks.size() >= kLocatedMax) {
      co_return Error{Errc::kTooLarge, call.path + ": has more than " +
                                           std::to_string(kLocatedMax) +
                                           " blocks: ask for a part of it (offset, length)"};
    }
  }
  co_return located;
}

asio::awaitable<Answer> get_file_block_locations(Call& call) {
  const auto located = co_await locate_range(call);
  if (!located.ok()) co_return failed_to_look(located.error(), does_not_exist(call));
  co_return json_response(block_locations(located->blocks));
}

asio::awaitable<Answer> get_block_locations(Call& call) {
  const auto located = co_await locate_range(call);
  if (!located.ok()) co_return failed_to_look(located.error(), does_not_exist(call));
  co_return json_response(located_blocks(located->status, located->to_the_end, located->blocks));
}

// --- The cluster and its defaults --------------------------------------------------------------

asio::awaitable<Answer> get_status(Call& call) {
  const actors::StatusRequest request;
  const auto status = co_await client::ask(call.context, request);
  if (!status.ok()) co_return failed(status.error());
  std::uint64_t capacity = 0;
  std::uint64_t used = 0;
  std::uint64_t remaining = 0;
  for (const auto& node : status->nodes) {
    if (node.state != "live" && node.state != "stale") continue;
    capacity += node.capacity_bytes;
    used += node.used_bytes;
    remaining += node.free_bytes;
  }
  co_return json_response(
      {{"FsStatus", {{"used", used}, {"remaining", remaining}, {"capacity", capacity}}}});
}

asio::awaitable<Answer> get_server_defaults(Call& call) {
  const auto& options = call.context.options;
  co_return json_response({{"FsServerDefaults",
                            {{"replication", options.replication},
                             {"encryptDataTransfer", false},
                             {"defaultStoragePolicyId", 7},
                             {"writePacketSize", 65536},
                             {"fileBufferSize", 4096},
                             {"checksumType", 2},
                             {"trashInterval", 0},
                             {"keyProviderUri", ""},
                             {"blockSize", options.block_size},
                             {"bytesPerChecksum", 512}}}});
}

asio::awaitable<Answer> get_home_directory(Call& call) {
  co_return json_response({{"Path", "/user/" + call.user}});
}

asio::awaitable<Answer> get_trash_root(Call& call) {
  co_return json_response({{"Path", "/user/" + call.user + "/.Trash"}});
}

// Clusters without Kerberos have none.
asio::awaitable<Answer> get_delegation_token(Call&) {
  co_return json_response({{"Token", nullptr}});
}

// Modes say what is allowed, and nobody is kept from anything by them.
asio::awaitable<Answer> check_access(Call& call) {
  const auto action = call.parameters.required("fsaction", call.operation);
  if (!action.ok()) co_return failed(action.error());
  const std::string_view all = "rwx";
  const bool known = action->size() == 3 &&
                     std::equal(all.begin(), all.end(), action->begin(),
                                [](char wanted, char c) { return c == wanted || c == '-'; });
  if (!known) {
    co_return failed(invalid_parameter("fsaction", "Invalid value: \"" + *action +
                                                       "\" does not belong to the domain "
                                                       "[r-][w-][x-]"));
  }
  const auto status = co_await client::stat(call.context, call.path);
  if (!status.ok()) co_return failed_to_look(status.error(), does_not_exist(call));
  co_return empty_response();
}

asio::awaitable<Answer> get_acl_status(Call& call) {
  const auto status = co_await client::stat(call.context, call.path);
  if (!status.ok()) co_return failed_to_look(status.error(), does_not_exist(call));
  const auto shown = file_status(*status, "");
  co_return json_response({{"AclStatus",
                            {{"entries", Json::array()},
                             {"group", status->group},
                             {"owner", status->owner},
                             {"permission", shown["permission"]},
                             {"stickyBit", (status->permission & 01000) != 0}}}});
}

constexpr std::array<Named, 15> kLookOperations{{
    {"GETFILESTATUS", get_file_status},
    {"GETFILELINKSTATUS", get_file_status},
    {"LISTSTATUS", list_status},
    {"LISTSTATUS_BATCH", list_status_batch},
    {"GETCONTENTSUMMARY", get_content_summary},
    {"GETQUOTAUSAGE", get_quota_usage},
    {"GETFILEBLOCKLOCATIONS", get_file_block_locations},
    {"GET_BLOCK_LOCATIONS", get_block_locations},
    {"GETSTATUS", get_status},
    {"GETSERVERDEFAULTS", get_server_defaults},
    {"GETHOMEDIRECTORY", get_home_directory},
    {"GETTRASHROOT", get_trash_root},
    {"GETDELEGATIONTOKEN", get_delegation_token},
    {"CHECKACCESS", check_access},
    {"GETACLSTATUS", get_acl_status},
}};

}  // namespace

Response failed_to_look(const Error& error, std::string missing) {
  if (error.code == Errc::kNotFound || error.code == Errc::kNotADirectory) {
    return failed(Exception::kFileNotFound, std::move(missing));
  }
  return failed(error);
}

Operation find_look(std::string_view name) { return find(kLookOperations, name); }

}  // namespace minidfs::http::webhdfs
