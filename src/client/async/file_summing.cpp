#include "client/read/block_reader.hpp"
// The above comes first: see net/asio.hpp.
#include <deque>
#include <utility>

#include "base/logging.hpp"
#include "client/async/file_pages.hpp"
#include "client/async/file_summing.hpp"
#include "client/file_sum.hpp"
#include "client/read/file_reader.hpp"
#include "net/blocking_loop.hpp"

namespace minidfs::client {
namespace {

// Blocks whose sums are asked for at a time. Each costs its datanode's disk a read of the whole
// block, and here a connection.
constexpr std::size_t kAskedMax = 4;

}  // namespace

struct FileSumming::Impl {
  Impl(const asio::any_io_executor& its_executor, ClientContext& its_context, std::string its_path,
       actors::LocatedFile first)
      : executor(its_executor),
        context(its_context),
        path(std::move(its_path)),
        pages(executor, context, path, std::move(first)) {}

  asio::awaitable<Result<HdfsChecksum>> sum_all(CombineMode mode);
  asio::awaitable<Status> ask();
  asio::awaitable<Result<transfer::BlockSum>> next_sum();
  asio::awaitable<Result<transfer::BlockSum>> sum_here(const metadata::LocatedBlock& block);
  void tell_that_it_is_read();

  // One whose sums its datanode was asked for.
  struct Asked {
    Asked(Impl& impl, const metadata::LocatedBlock& its_block)
        : block(its_block),
          reader(impl.executor, impl.context, impl.path, impl.failed_nodes, block, 0,
                 block.block.length) {
      reader.ask_for_sum();
    }
    metadata::LocatedBlock block;
    BlockReader reader;
  };

  const asio::any_io_executor executor;
  ClientContext& context;
  const std::string path;
  FilePages pages;
  std::size_t next_block = 0;  // Of the page, the first that nobody was asked for.
  FailedNodes failed_nodes;
  std::deque<Asked> asked;         // In the order of the file.
  BlockReader* reading = nullptr;  // Of a block that is summed here.
  bool cancelled = false;
};

FileSumming::FileSumming(const asio::any_io_executor& executor, ClientContext& context,
                         std::string path, actors::LocatedFile first)
    : impl_(std::make_unique<Impl>(executor, context, std::move(path), std::move(first))) {}

FileSumming::~FileSumming() = default;

void FileSumming::cancel() {
  impl_->cancelled = true;
  for (auto& each : impl_->asked) each.reader.cancel();
  if (impl_->reading != nullptr) impl_->reading->cancel();
  impl_->pages.cancel();
}

asio::awaitable<Result<HdfsChecksum>> FileSumming::run(CombineMode mode) {
  auto sum = co_await impl_->sum_all(mode);
  impl_->asked.clear();
  if (!sum.ok()) co_return with_path(std::move(sum).error(), impl_->path);
  co_return sum;
}

asio::awaitable<Result<HdfsChecksum>> FileSumming::Impl::sum_all(CombineMode mode) {
  FileSum sum(mode);
  for (;;) {
    Status begun = co_await ask();
    if (!begun.ok()) co_return std::move(begun).error();
    if (asked.empty()) break;
    const auto length = asked.front().block.block.length;
    const auto of_block = co_await next_sum();
    if (!of_block.ok()) co_return of_block.error();
    sum.add(*of_block, length);
    asked.pop_front();
    for (auto& other : asked) other.reader.avoid_failed_node();
  }
  if (sum.length() != pages.page().status.length) co_return changed_while_read();
  co_return sum.take();
}

// For the sums of the next blocks, so that several datanodes are at it.
asio::awaitable<Status> FileSumming::Impl::ask() {
  while (asked.size() < kAskedMax) {
    if (cancelled) co_return Error{Errc::kCancelled, "cancelled"};
    if (next_block == pages.page().blocks.size()) {
      if (!pages.page().more) break;
      Status located = co_await pages.next();
      if (!located.ok()) co_return located;
      next_block = 0;
    }
    asked.emplace_back(*this, pages.page().blocks[next_block++]);
    co_await asked.back().reader.request_ahead();
  }
  co_return Status();
}

// Of the oldest block that was asked for.
asio::awaitable<Result<transfer::BlockSum>> FileSumming::Impl::next_sum() {
  auto sum = co_await asked.front().reader.receive_sum();
  if (sum.ok() || sum.error().code != Errc::kUnsupported || cancelled) co_return sum;
  tell_that_it_is_read();
  sum = co_await sum_here(asked.front().block);
  co_return sum;
}

asio::awaitable<Result<transfer::BlockSum>> FileSumming::Impl::sum_here(
    const metadata::LocatedBlock& block) {
  BlockReader reader(executor, context, path, failed_nodes, block, 0, block.block.length);
  transfer::BlockSummer summer;
  const transfer::ByteSink sink = [&summer](std::span<const std::byte> bytes) {
    summer.add(bytes);
    return Status();
  };
  reading = &reader;
  co_await reader.request_ahead();
  Status read = co_await reader.receive(sink);
  reading = nullptr;
  if (!read.ok()) co_return std::move(read).error();
  co_return summer.take();
}

void FileSumming::Impl::tell_that_it_is_read() {
  if (context.told_of_reading_for_sums.exchange(true)) return;
  log_info("client",
           "{}: its checksum is made of all of its bytes, and so are those of other files: "
           "datanodes of the version before make no sums of their blocks",
           path);
}

Result<HdfsChecksum> sum_file(ClientContext& context, const std::string& path, CombineMode mode) {
  auto first = locate_page(context, path, 0);
  if (!first.ok()) return with_path(std::move(first).error(), path);
  if (first->status.kind == metadata::FileKind::kDirectory) {
    return Error{Errc::kIsADirectory, path + ": is a directory"};
  }
  MDFS_TRY(const auto loop, net::BlockingLoop::make());
  FileSumming summing(loop->executor(), context, path, std::move(*first));
  return loop->run(summing, summing.run(mode));
}

}  // namespace minidfs::client
