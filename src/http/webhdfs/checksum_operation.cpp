// GETFILECHECKSUM. The datanodes make the sums of their blocks, so the bytes stay where they are.
#include "client/async/async_names.hpp"
// The above comes first: see net/asio.hpp.
#include "client/async/file_summing.hpp"
#include "http/webhdfs/service.hpp"

namespace minidfs::http::webhdfs {

asio::awaitable<Answer> checksum_operation(Call& call) {
  auto first = co_await client::locate(call.context, call.path, 0);
  if (!first.ok()) co_return failed_to_look(first.error(), "File " + call.path + " not found.");
  if (first->status.kind == metadata::FileKind::kDirectory) {
    co_return failed(Exception::kFileNotFound, "Path is not a file: " + call.path);
  }
  if (!is_second_step(call)) {
    auto answer = co_await first_step_at_block(call, *first, 0);
    co_return answer;
  }
  client::FileSumming summing(call.exchange.executor(), call.context, call.path, *std::move(first));
  call.exchange.on_cancel([&summing] { summing.cancel(); });
  const auto sum = co_await summing.run(call.context.options.checksum_combine_mode);
  call.exchange.on_cancel(nullptr);
  if (!sum.ok()) co_return failed(sum.error());
  co_return json_response(
      {{"FileChecksum",
        {{"algorithm", sum->algorithm}, {"bytes", sum->hex}, {"length", sum->hex.size() / 2}}}});
}

}  // namespace minidfs::http::webhdfs
