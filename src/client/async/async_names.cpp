#include "client/async/async_names.hpp"

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
  Status decoded = decode_page(*reply, page.entries);
  if (!decoded.ok()) co_return with_path(std::move(decoded).error(), path);
  co_return page;
}

asio::awaitable<Result<actors::LocatedFile>> locate(ClientContext& context, std::string path,
                                                    std::uint64_t offset) {
  actors::LocateRequest request{path, context.host, offset, false};
  auto file = co_await ask(context, std::move(request));
  if (!file.ok()) co_return with_path(std::move(file).error(), path);
  co_return file;
}

asio::awaitable<HttpNodes::List> http_nodes(ClientContext& context) {
  const auto known = context.http_nodes.look(std::chrono::steady_clock::now());
  const auto note = [&context](Result<actors::HttpNodesReply> reply) {
    return context.http_nodes.note(std::move(reply), std::chrono::steady_clock::now());
  };
  if (known.nodes && known.ask_again) {
    context.link.submit<actors::HttpNodesRequest>({}, note);
  }
  if (known.nodes) co_return known.nodes;
  actors::HttpNodesRequest request;
  auto reply = co_await ask(context, request);
  co_return note(std::move(reply));
}

}  // namespace minidfs::client
