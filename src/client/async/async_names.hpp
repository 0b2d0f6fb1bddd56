// The namespace for those who have a loop of their own: what FileSystem does for those who block.
// The link ends every wait. Errors carry the path.
#pragma once

#include "client/async/async_files.hpp"
// The above comes first: see net/asio.hpp.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/wall_clock.hpp"
#include "client/namenode_answers.hpp"
#include "metadata/changes.hpp"

namespace minidfs::client {

// `context` outlives the operations.
asio::awaitable<Result<metadata::FileStatus>> stat(ClientContext& context, std::string path);

struct ListPage {
  std::vector<metadata::FileStatus> entries;  // In byte order of the names.
  bool more = false;
};
// A page of a directory; a file gives one entry. `limit` 0: as many as the namenode gives at once.
asio::awaitable<Result<ListPage>> list_page(ClientContext& context, std::string path,
                                            std::string start_after, std::uint32_t limit);
// A page of a file's blocks, from the one that holds the byte at `offset`.
asio::awaitable<Result<actors::LocatedFile>> locate(ClientContext& context, std::string path,
                                                    std::uint64_t offset);

// The datanodes that serve HTTP, as of some seconds ago at most; none where nobody can tell.
asio::awaitable<HttpNodes::List> http_nodes(ClientContext& context);

// A single change (metadata/changes.hpp); `path` goes in front of its error unless it is empty.
template <class Change>
asio::awaitable<Result<std::uint64_t>> apply(ClientContext& context, Change change,
                                             std::string path) {
  change.time_ms = wall_clock_ms();
  auto reply = co_await ask(context, std::move(change));
  co_return only_outcome(std::move(reply), path);
}

}  // namespace minidfs::client
