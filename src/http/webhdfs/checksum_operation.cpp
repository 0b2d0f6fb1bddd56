// GETFILECHECKSUM. The sum is made here, of all the bytes of the file.
#include "client/async/async_files.hpp"
#include "http/webhdfs/file_checksum.hpp"
#include "http/webhdfs/service.hpp"

namespace minidfs::http::webhdfs {
namespace {

struct Blocks {
  actors::LocatedFile first;  // A page.
  std::vector<std::uint64_t> lengths;
};

asio::awaitable<Result<Blocks>> find_blocks(Call& call) {
  auto page = co_await client::locate(call.context, call.path, 0);
  if (!page.ok()) co_return std::move(page).error();
  Blocks blocks{*page, {}};
  for (std::uint64_t end = 0;;) {
    for (const auto& block : page->blocks) {
      blocks.lengths.push_back(block.block.length);
      end = block.offset + block.block.length;
    }
    if (!page->more || page->blocks.empty()) break;
    page = co_await client::locate(call.context, call.path, end);
    if (!page.ok()) co_return std::move(page).error();
    if (page->status.id != blocks.first.status.id) {
      co_return Error{Errc::kStale, call.path + ": was replaced while it was read"};
    }
  }
  co_return blocks;
}

asio::awaitable<Result<FileChecksum>> sum_of(Call& call, Blocks blocks) {
  FileChecksumSum sum(std::move(blocks.lengths), blocks.first.status.block_size);
  client::FileDownload download(call.exchange.executor(), call.context, call.path,
                                std::move(blocks.first), 0, UINT64_MAX);
  call.exchange.on_cancel([&download] { download.cancel(); });
  for (;;) {
    const auto bytes = co_await download.next();
    if (!bytes.ok() || bytes->empty()) call.exchange.on_cancel(nullptr);
    if (!bytes.ok()) co_return bytes.error();
    if (bytes->empty()) co_return sum.finish();
    sum.add(*bytes);
  }
}

}  // namespace

asio::awaitable<Answer> checksum_operation(Call& call) {
  auto blocks = co_await find_blocks(call);
  if (!blocks.ok()) co_return failed_to_look(blocks.error(), "File " + call.path + " not found.");
  if (blocks->first.status.kind == metadata::FileKind::kDirectory) {
    co_return failed(Exception::kFileNotFound, "Path is not a file: " + call.path);
  }
  if (!is_second_step(call)) {
    auto answer = co_await first_step_at_block(call, blocks->first, 0);
    co_return answer;
  }
  const auto sum = co_await sum_of(call, *std::move(blocks));
  if (!sum.ok()) co_return failed(sum.error());
  co_return json_response(
      {{"FileChecksum",
        {{"algorithm", sum->algorithm}, {"bytes", sum->hex}, {"length", sum->hex.size() / 2}}}});
}

}  // namespace minidfs::http::webhdfs
