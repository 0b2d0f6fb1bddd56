#include "client/async/async_names.hpp"

#include "base/codec.hpp"

namespace minidfs::client {

asio::awaitable<Result<metadata::FileStatus>> stat(ClientContext& context, std::string path) {
  actors::StatRequest request{path};
  auto status = co_await ask(context, std::move(request));
  if (!status.ok()) co_return with_path(std::move(status).error(), path);
  co_return status;
}

asio::awaitable<Result<ListPage>> list_page(ClientContext& context, std::string path,
                                            std::string start_after, std::uint32_t limit) {
  actors::ListRequest request{path, std::move(start_after), limit};
  auto reply = co_await ask(context, std::move(request));
  if (!reply.ok()) co_return with_path(std::move(reply).error(), path);
  ListPage page;
  page.more = reply->more;
  Decoder decoder(reply->entries);
  for (std::uint32_t i = 0; i < reply->count; ++i) {
    if (!decoder.get(page.entries.emplace_back())) {
      co_return Error{Errc::kProtocol, path + ": entry " + std::to_string(i) + " of a page of " +
                                           std::to_string(reply->count) + " does not decode"};
    }
  }
  co_return page;
}

asio::awaitable<Result<actors::LocatedFile>> locate(ClientContext& context, std::string path,
                                                    std::uint64_t offset) {
  actors::LocateRequest request{path, context.host, offset, false};
  auto file = co_await ask(context, std::move(request));
  if (!file.ok()) co_return with_path(std::move(file).error(), path);
  co_return file;
}

Result<std::uint64_t> only_outcome(Result<metadata::ChangeReply> reply, const std::string& path) {
  if (!reply.ok()) return with_path(std::move(reply).error(), path);
  if (reply->outcomes.size() != 1) {
    return Error{Errc::kProtocol, "the namenode answered one change with " +
                                      std::to_string(reply->outcomes.size()) + " outcomes"};
  }
  auto outcome = metadata::to_result(reply->outcomes.front());
  if (!outcome.ok()) return with_path(std::move(outcome).error(), path);
  return outcome;
}

}  // namespace minidfs::client
