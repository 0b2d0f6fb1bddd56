#include "client/read/block_reader.hpp"
// The above comes first: see net/asio.hpp.
#include <algorithm>
#include <deque>
#include <utility>

#include "client/async/async_files.hpp"
#include "client/async/file_pages.hpp"
#include "client/read/file_reader.hpp"

namespace minidfs::client {
namespace {

// Pieces that are requested at a time. One is received; the others wait in the sockets' buffers,
// which bounds the memory.
constexpr std::size_t kAskedMax = 2;

}  // namespace

struct FileDownload::Impl {
  Impl(const asio::any_io_executor& its_executor, ClientContext& its_context, std::string its_path,
       actors::LocatedFile first, std::uint64_t offset, std::uint64_t wanted)
      : executor(its_executor),
        context(its_context),
        path(std::move(its_path)),
        pages(executor, context, path, std::move(first)),
        begin(std::min(offset, page().status.length)),
        length(std::min(wanted, page().status.length - begin)),
        parts(parts_of(page().blocks, begin, length)) {}

  asio::awaitable<Status> read_piece(const FileDownload::Taker& take);
  asio::awaitable<Status> request();
  asio::awaitable<Status> locate();
  const actors::LocatedFile& page() const { return pages.page(); }
  bool pages_follow() const { return page().more && end_of(page().blocks) < begin + length; }
  BlockPart take_part();
  void fail(Error error);
  void cancel();

  asio::any_io_executor executor;
  ClientContext& context;
  const std::string path;
  FilePages pages;
  const std::uint64_t begin;
  const std::uint64_t length;
  std::uint64_t done = 0;
  std::vector<BlockPart> parts;  // Of the page.
  std::size_t next_part = 0;     // The first of which not all was requested.
  FailedNodes failed_nodes;
  std::deque<BlockReader> requested;  // In the order of their pieces.
  std::vector<std::byte> piece;
  std::optional<Error> failure;  // The first one, for good.
};

FileDownload::FileDownload(const asio::any_io_executor& executor, ClientContext& context,
                           std::string path, actors::LocatedFile first, std::uint64_t offset,
                           std::uint64_t length)
    : impl_(std::make_unique<Impl>(executor, context, std::move(path), std::move(first), offset,
                                   length)) {}

FileDownload::~FileDownload() = default;

std::uint64_t FileDownload::length() const { return impl_->length; }

void FileDownload::cancel() { impl_->cancel(); }

asio::awaitable<Result<std::span<const std::byte>>> FileDownload::next(Taker take) {
  auto& impl = *impl_;
  while (!impl.failure) {
    Status read = co_await impl.read_piece(take);
    if (!read.ok()) impl.fail(std::move(read).error());
    if (!impl.piece.empty() || impl.done == impl.length) break;
    // All of it was taken, perhaps without a wait: the others on the loop have their turn.
    co_await asio::post(impl.executor, asio::use_awaitable);
  }
  if (impl.failure) {
    impl.requested.clear();
    co_return *impl.failure;
  }
  co_return std::span<const std::byte>(impl.piece);
}

// Empty at the end, and when all of it was taken.
asio::awaitable<Status> FileDownload::Impl::read_piece(const FileDownload::Taker& take) {
  piece.clear();
  if (!take) piece.reserve(std::min<std::uint64_t>(kPieceBytes, length - done));
  Status asked = co_await request();
  if (!asked.ok() || failure) co_return asked;
  if (requested.empty()) co_return done == length ? Status() : Status(changed_while_read());
  const transfer::ByteSink sink = [&](std::span<const std::byte> bytes) {
    done += bytes.size();
    if (take && piece.empty()) bytes = bytes.subspan(take(bytes));
    piece.insert(piece.end(), bytes.begin(), bytes.end());
    return Status();
  };
  Status received = co_await requested.front().receive(sink);
  if (!received.ok()) co_return received;
  requested.pop_front();
  for (auto& other : requested) other.avoid_failed_node();
  co_return Status();
}

// The next pieces of their datanodes, so that these have begun to send them by the time that they
// are received.
asio::awaitable<Status> FileDownload::Impl::request() {
  while (requested.size() < kAskedMax && !failure) {
    if (next_part == parts.size()) {
      if (!pages_follow()) break;
      Status located = co_await locate();
      if (!located.ok()) co_return located;
      continue;
    }
    const auto part = take_part();
    requested.emplace_back(executor, context, path, failed_nodes, page().blocks[part.block],
                           part.offset, part.length);
    co_await requested.back().request_ahead();
  }
  co_return Status();
}

BlockPart FileDownload::Impl::take_part() {
  auto& rest = parts[next_part];
  auto part = rest;
  part.length = std::min<std::uint64_t>(rest.length, kPieceBytes);
  rest.offset += part.length;
  rest.length -= part.length;
  if (rest.length == 0) ++next_part;
  return part;
}

// The next page.
asio::awaitable<Status> FileDownload::Impl::locate() {
  Status located = co_await pages.next();
  if (!located.ok()) co_return located;
  parts = parts_of(page().blocks, begin, length);
  next_part = 0;
  co_return parts.empty() ? Status(changed_while_read()) : Status();
}

void FileDownload::Impl::fail(Error error) {
  if (!failure) failure = with_path(std::move(error), path);
}

void FileDownload::Impl::cancel() {
  fail({Errc::kCancelled, "cancelled"});
  for (auto& reader : requested) reader.cancel();
  pages.cancel();
}

}  // namespace minidfs::client
