#include "client/read/block_reader.hpp"
// The above comes first: see net/asio.hpp.
#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "client/read/file_reader.hpp"
#include "client/read/salvage.hpp"
#include "net/blocking_loop.hpp"
#include "storage/blocks/block_store.hpp"

namespace minidfs::client {
namespace {

// Parts that are requested at a time by one FileReader. Only one is received, straight into the
// sink; the others wait in the sockets' buffers, which bounds the memory.
constexpr std::size_t kRequestedMax = 2;

// Readers for each block that would be written at a time. A reader waits for its datanode between
// parts, so that this many keep the processors and the network busy where half of them do not.
constexpr std::size_t kReadersPerBlock = 2;

// What one of several readers takes at a time.
constexpr std::uint64_t kParallelPartBytes = 8U << 20;

// The parts of one read, for one or several FileReaders. Thread-safe.
class PartSupply {
 public:
  explicit PartSupply(std::vector<BlockPart> parts) : parts_(std::move(parts)) {}

  // None at the end, and after stop().
  const BlockPart* take() {
    const auto index = next_++;
    return index < parts_.size() && !stopped_ ? &parts_[index] : nullptr;
  }
  void stop() { stopped_ = true; }
  std::size_t size() const { return parts_.size(); }

 private:
  const std::vector<BlockPart> parts_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> stopped_{false};
};

// Reads parts, one after another. For one thread.
class FileReader {
 public:
  FileReader(ClientContext& context, const std::string& path,
             const std::vector<metadata::LocatedBlock>& blocks, ProgressMeter& progress,
             Salvage* salvage)
      : context_(context), path_(path), blocks_(blocks), progress_(progress), salvage_(salvage) {}

  Status read(PartSupply& supply, const PlacedSink& sink) {
    MDFS_TRY(loop_, net::BlockingLoop::make());
    std::deque<Request> requests;
    for (;;) {
      while (requests.size() < kRequestedMax) {
        const auto* part = supply.take();
        if (part == nullptr) break;
        requests.push_back({*part, reader_of(*part)});
        auto& reader = requests.back().reader;
        loop_->run(reader, reader.request_ahead());
      }
      if (requests.empty()) return {};
      auto& request = requests.front();
      const transfer::ByteSink counting =
          [&, at = position_of(request.part)](auto bytes) mutable -> Status {
        MDFS_CHECK(sink(at, bytes));
        at += bytes.size();
        progress_.add_bytes(bytes.size());
        return Status();
      };
      MDFS_CHECK(receive(request, counting));
      requests.pop_front();
      for (auto& other : requests) other.reader.avoid_failed_node();
    }
  }

 private:
  struct Request {
    BlockPart part;
    BlockReader reader;
  };

  BlockReader reader_of(const BlockPart& part) {
    BlockReader reader(loop_->executor(), context_, path_, failed_nodes_, blocks_[part.block],
                       part.offset, part.length);
    if (salvage_ != nullptr) reader.ask_corrupt_ones();
    return reader;
  }

  std::uint64_t position_of(const BlockPart& part) const {
    return blocks_[part.block].offset + part.offset;
  }

  Status receive(Request& request, const transfer::ByteSink& sink) {
    auto status = loop_->run(request.reader, request.reader.receive(sink));
    auto left = request.part;
    const auto* reader = &request.reader;
    std::optional<BlockReader> next;
    while (!status.ok() && salvage_ != nullptr && reader->is_hopeless()) {
      skip(left, reader->done());
      MDFS_CHECK(leave_out(left, reader->slice_is_bad(), status.error(), sink));
      if (left.length == 0) return {};
      next.emplace(reader_of(left));
      loop_->run(*next, next->request_ahead());
      status = loop_->run(*next, next->receive(sink));
      reader = &*next;
    }
    return status;
  }

  static void skip(BlockPart& part, std::uint64_t bytes) {
    part.offset += bytes;
    part.length -= bytes;
  }

  // Zeros for what no replica can give: this slice, or all that is left of the part.
  Status leave_out(BlockPart& left, bool slice_only, const Error& why,
                   const transfer::ByteSink& sink) {
    static constexpr std::array<std::byte, storage::kSliceBytes> kZeros{};
    const std::uint64_t to_end_of_slice = kZeros.size() - left.offset % kZeros.size();
    const auto bytes = slice_only ? std::min(left.length, to_end_of_slice) : left.length;
    salvage_->leave_out(position_of(left), bytes, why);
    for (std::uint64_t done = 0; done < bytes; done += kZeros.size()) {
      MDFS_CHECK(
          sink(std::span(kZeros).first(std::min<std::uint64_t>(kZeros.size(), bytes - done))));
    }
    skip(left, bytes);
    return {};
  }

  ClientContext& context_;
  const std::string& path_;
  const std::vector<metadata::LocatedBlock>& blocks_;
  ProgressMeter& progress_;
  Salvage* salvage_;                         // Null: what cannot be read is an error.
  std::unique_ptr<net::BlockingLoop> loop_;  // While it reads.
  FailedNodes failed_nodes_;
};

// Several readers, each on a thread of its own, the caller's among them. The first error stays.
class ParallelReader {
 public:
  ParallelReader(ClientContext& context, const std::string& path,
                 const std::vector<metadata::LocatedBlock>& blocks, ProgressMeter& progress,
                 Salvage* salvage)
      : context_(context), path_(path), blocks_(blocks), progress_(progress), salvage_(salvage) {}

  Status read(PartSupply& supply, const PlacedSink& sink) {
    const auto work = [&] {
      auto status = FileReader(context_, path_, blocks_, progress_, salvage_).read(supply, sink);
      if (status.ok()) return;
      supply.stop();
      const std::lock_guard lock(mutex_);
      if (status_.ok()) status_ = std::move(status);
    };
    const auto readers = std::min<std::size_t>(
        supply.size(), kReadersPerBlock * std::max(context_.options.parallel_blocks, 1U));
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < readers; ++i) others.emplace_back(work);
    work();
    others.clear();
    return status_;
  }

 private:
  ClientContext& context_;
  const std::string& path_;
  const std::vector<metadata::LocatedBlock>& blocks_;
  ProgressMeter& progress_;
  Salvage* salvage_;
  std::mutex mutex_;
  Status status_;
};

std::vector<BlockPart> cut(const std::vector<BlockPart>& parts, std::uint64_t bytes_max) {
  std::vector<BlockPart> pieces;
  for (const auto& part : parts) {
    for (std::uint64_t done = 0; done < part.length; done += bytes_max) {
      pieces.push_back({part.block, part.offset + done, std::min(bytes_max, part.length - done)});
    }
  }
  return pieces;
}

// The next page of a file, from where the blocks of `file` end.
Result<actors::LocatedFile> next_page(ClientContext& context, const std::string& path,
                                      const actors::LocatedFile& file) {
  MDFS_TRY(auto page, locate_page(context, path, end_of(file.blocks)));
  MDFS_CHECK(check_next_page(file, page));
  return page;
}

// The file at `path` from `offset`, with the length of what is to be read added to `progress`.
Result<actors::LocatedFile> locate(ClientContext& context, const std::string& path,
                                   std::uint64_t offset, std::uint64_t length,
                                   ProgressMeter& progress) {
  auto located = locate_page(context, path, offset);
  if (!located.ok()) return with_path(std::move(located).error(), path);
  if (located->status.kind == metadata::FileKind::kDirectory) {
    return Error{Errc::kIsADirectory, path + ": is a directory"};
  }
  const auto size = located->status.length;
  progress.add_total(std::min(length, size - std::min(offset, size)), 1);
  return located;
}

Status named(Status status, const std::string& path) {
  if (status.ok()) return status;
  return with_path(std::move(status).error(), path);
}

}  // namespace

std::vector<BlockPart> parts_of(const std::vector<metadata::LocatedBlock>& blocks,
                                std::uint64_t offset, std::uint64_t length) {
  const auto end = length > UINT64_MAX - offset ? UINT64_MAX : offset + length;
  std::vector<BlockPart> parts;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto block_begin = blocks[i].offset;
    const auto block_end = block_begin + blocks[i].block.length;
    const auto from = std::max(offset, block_begin);
    const auto to = std::min(end, block_end);
    if (from < to) parts.push_back({i, from - block_begin, to - from});
  }
  return parts;
}

std::uint64_t end_of(const std::vector<metadata::LocatedBlock>& blocks) {
  return blocks.empty() ? 0 : blocks.back().offset + blocks.back().block.length;
}

Status check_next_page(const actors::LocatedFile& before, const actors::LocatedFile& page) {
  if (page.status.id != before.status.id || page.blocks.empty()) return changed_while_read();
  return {};
}

Error changed_while_read() { return {Errc::kStale, "the file was changed while it was read"}; }

Result<actors::LocatedFile> locate_page(ClientContext& context, const std::string& path,
                                        std::uint64_t offset) {
  return context.link.call(actors::LocateRequest{path, context.host, offset});
}

Result<std::vector<metadata::LocatedBlock>> locate_all(ClientContext& context,
                                                       const std::string& path) {
  auto file = locate_page(context, path, 0);
  if (!file.ok()) return with_path(std::move(file).error(), path);
  while (file->more) {
    auto page = next_page(context, path, *file);
    if (!page.ok()) return with_path(std::move(page).error(), path);
    std::move(page->blocks.begin(), page->blocks.end(), std::back_inserter(file->blocks));
    file->more = page->more;
  }
  return std::move(file->blocks);
}

Status read_in_order(ClientContext& context, const std::string& path, std::uint64_t offset,
                     std::uint64_t length, const Sink& sink, ProgressMeter& progress,
                     Salvage* salvage) {
  MDFS_TRY(auto located, locate(context, path, offset, length, progress));
  const PlacedSink placed = [&](std::uint64_t, std::span<const std::byte> bytes) {
    return sink(bytes);
  };
  for (;;) {
    PartSupply supply(parts_of(located.blocks, offset, length));
    FileReader reader(context, path, located.blocks, progress, salvage);
    MDFS_CHECK(named(reader.read(supply, placed), path));
    const auto end = end_of(located.blocks);
    if (!located.more || (end > offset && end - offset >= length)) break;
    auto next = next_page(context, path, located);
    if (!next.ok()) return with_path(std::move(next).error(), path);
    located = std::move(*next);
  }
  progress.add_files(1);
  return {};
}

Status read_in_parallel(ClientContext& context, const std::string& path, const PlacedSink& sink,
                        ProgressMeter& progress) {
  MDFS_TRY(const auto located, locate(context, path, 0, UINT64_MAX, progress));
  MDFS_CHECK(read_located(context, path, located, sink, progress, nullptr));
  progress.add_files(1);
  return {};
}

Status read_located(ClientContext& context, const std::string& path,
                    const actors::LocatedFile& file, const PlacedSink& sink,
                    ProgressMeter& progress, Salvage* salvage) {
  std::optional<actors::LocatedFile> later;
  for (const auto* page = &file;; page = &*later) {
    PartSupply supply(cut(parts_of(page->blocks, 0, UINT64_MAX), kParallelPartBytes));
    ParallelReader reader(context, path, page->blocks, progress, salvage);
    MDFS_CHECK(named(reader.read(supply, sink), path));
    if (!page->more) return {};
    auto next = next_page(context, path, *page);
    if (!next.ok()) return with_path(std::move(next).error(), path);
    later = std::move(*next);
  }
}

}  // namespace minidfs::client
