#include "http/rest/resources.hpp"
// The above comes first: see net/asio.hpp.
#include <algorithm>
#include <utility>

#include "base/path.hpp"
#include "http/rest/json_stream.hpp"
#include "http/rest/listing_page.hpp"
#include "http/rest/rest_json.hpp"
#include "http/rest/upload_plan.hpp"

namespace minidfs::http::rest {
namespace {

// Leaves the entries that have the wanted beginning: when another one follows, these are all.
void keep_prefixed(client::ListPage& page, const std::string& prefix) {
  const auto end = std::find_if(page.entries.begin(), page.entries.end(),
                                [&](const auto& entry) { return !entry.name.starts_with(prefix); });
  page.more = page.more && end == page.entries.end() && !page.entries.empty();
  page.entries.erase(end, page.entries.end());
}

// An object that is to have more members: without its last brace.
std::string opened(const Json& object) {
  auto text = dump(object);
  text.pop_back();
  return text;
}

asio::awaitable<Status> send_page(RestCall& call, const client::ListPage& page) {
  JsonStream out(call.exchange);
  Json directory;
  put_bytes(directory, "path", call.path);
  directory["type"] = "directory";
  Status sent = co_await out.add(opened(directory) + ",\"entries\":[");
  std::string separator;
  for (const auto& entry : page.entries) {
    const auto path = join_path(call.path, entry.name);
    if (is_reserved(path)) continue;
    const auto text = std::exchange(separator, ",") + dump(entry_json(entry, path));
    sent = co_await out.add(text);
    if (!sent.ok()) co_return sent;
  }
  if (!sent.ok()) co_return sent;
  Json next;
  if (page.more) next = cursor_behind(page.entries.back().name);
  sent = co_await out.add("],\"next\":" + dump(next) + "}");
  if (!sent.ok()) co_return sent;
  sent = co_await out.end();
  co_return sent;
}

asio::awaitable<Status> show_directory(RestCall& call, const ListingPage& wanted) {
  auto page = co_await client::list_page(call.context, call.path, wanted.start_after, wanted.limit);
  if (!page.ok()) co_return page.error();
  keep_prefixed(*page, wanted.prefix);
  Status sent = co_await send_page(call, *page);
  co_return sent;
}

// Those of the page; `first` when none were sent yet.
asio::awaitable<Status> send_blocks(JsonStream& out, const actors::LocatedFile& page, bool first) {
  for (const auto& block : page.blocks) {
    const auto text = (std::exchange(first, false) ? "" : ",") + dump(location_json(block));
    Status sent = co_await out.add(text);
    if (!sent.ok()) co_return sent;
  }
  co_return Status();
}

// The namenode gives the blocks of a file page by page. Who replaces the file meanwhile ends this.
asio::awaitable<Status> show_file(RestCall& call) {
  auto page = co_await client::locate(call.context, call.path, 0);
  if (!page.ok()) co_return page.error();
  const auto id = page->status.id;
  auto entry = entry_json(page->status, call.path);
  entry["block_size"] = page->status.block_size;
  JsonStream out(call.exchange);
  Status sent = co_await out.add(opened(entry) + ",\"locations\":[");
  if (sent.ok()) sent = co_await send_blocks(out, *page, true);
  while (sent.ok() && page->more && !page->blocks.empty()) {
    const auto& last = page->blocks.back();
    const auto offset = last.offset + last.block.length;
    page = co_await client::locate(call.context, call.path, offset);
    if (!page.ok()) co_return page.error();
    if (page->status.id != id) co_return Error{Errc::kStale, call.path + ": was replaced"};
    sent = co_await send_blocks(out, *page, false);
  }
  if (sent.ok()) sent = co_await out.add("]}");
  if (sent.ok()) sent = co_await out.end();
  co_return sent;
}

}  // namespace

asio::awaitable<Status> show_entry(RestCall& call) {
  // Whatever stands there: a value that is none is none of a file, either.
  const auto wanted = listing_page(call.query);
  if (!wanted.ok()) co_return wanted.error();
  const auto status = co_await client::stat(call.context, call.path);
  if (!status.ok()) co_return status.error();
  const bool is_file = status->kind == metadata::FileKind::kFile;
  Status shown;
  if (is_file) {
    shown = co_await show_file(call);
  } else {
    shown = co_await show_directory(call, *wanted);
  }
  co_return shown;
}

}  // namespace minidfs::http::rest
