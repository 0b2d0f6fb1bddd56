#include "client/file_reader.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <random>
#include <thread>
#include <utility>

#include "client/block_reader.hpp"
#include "client/retry_schedule.hpp"

namespace minidfs::client {
namespace {

// Parts that are requested at a time. Only one is received, on the calling thread, straight into
// the sink; the others wait in the sockets' buffers, which bounds the memory.
constexpr std::size_t kRequestedMax = 2;

class FileReader {
 public:
  FileReader(ClientContext& context, const std::string& path,
             std::vector<metadata::LocatedBlock> blocks, ProgressMeter& progress)
      : context_(context), path_(path), blocks_(std::move(blocks)), progress_(progress) {}

  Status read(std::uint64_t offset, std::uint64_t length, const Sink& sink) {
    const auto parts = parts_of(blocks_, offset, length);
    const transfer::ByteSink counting = [&](std::span<const std::byte> bytes) -> Status {
      MDFS_CHECK(sink(bytes));
      progress_.add_bytes(bytes.size());
      return Status();
    };
    std::size_t next = 0;
    std::deque<BlockReader> readers;
    while (next < parts.size() || !readers.empty()) {
      while (next < parts.size() && readers.size() < kRequestedMax) {
        const auto& part = parts[next++];
        readers.emplace_back(context_, failed_nodes_, blocks_[part.block], part.offset,
                             part.length);
        readers.back().request_ahead();
      }
      MDFS_CHECK(receive(readers.front(), counting));
      readers.pop_front();
      for (auto& reader : readers) reader.avoid_failed_node();
    }
    return {};
  }

 private:
  // Until the part is whole or there is no more hope.
  Status receive(BlockReader& reader, const transfer::ByteSink& sink) {
    Backoff backoff;
    bool asked_again = false;
    auto progress_at = std::chrono::steady_clock::now();
    for (;;) {
      const auto before = reader.done();
      auto status = reader.receive(sink);
      if (status.ok() || reader.sink_failed()) return status;
      const auto now = std::chrono::steady_clock::now();
      if (reader.done() > before) {
        progress_at = now;
        backoff.reset();
      }
      MDFS_TRY(const bool hope,
               reader.may_come_back() || !asked_again ? Result<bool>(true) : still_learning());
      const auto delay = backoff.next(std::random_device{}());
      if (!hope || now + delay - progress_at >= context_.options.timeout) {
        return failure(reader);
      }
      // The first time there may simply be newer replicas than we know.
      if (asked_again) std::this_thread::sleep_for(delay);
      asked_again = true;
      MDFS_CHECK(ask_again(reader));
    }
  }

  // A namenode that has just started does not know yet where everything is.
  Result<bool> still_learning() {
    MDFS_TRY(const auto status, context_.link.call(actors::StatusRequest{}));
    return status.safe_mode;
  }

  Status ask_again(BlockReader& reader) {
    MDFS_TRY(auto located, context_.link.call(actors::LocateRequest{path_, context_.host}));
    const auto& wanted = reader.block().block;
    const auto found = std::find_if(located.blocks.begin(), located.blocks.end(),
                                    [&](const auto& it) { return it.block == wanted; });
    if (found == located.blocks.end()) {
      return Error{Errc::kStale, "the file was changed while it was read"};
    }
    reader.relocate(std::move(found->locations));
    return {};
  }

  static Error failure(const BlockReader& reader) {
    return {Errc::kIoError, "block " + to_string(reader.block().block.id) +
                                " cannot be read from any replica: " + reader.reasons()};
  }

  ClientContext& context_;
  const std::string& path_;
  std::vector<metadata::LocatedBlock> blocks_;
  ProgressMeter& progress_;
  FailedNodes failed_nodes_;
};

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

Status read_one_file(ClientContext& context, const std::string& path, std::uint64_t offset,
                     std::uint64_t length, const Sink& sink, ProgressMeter& progress) {
  auto located = context.link.call(actors::LocateRequest{path, context.host});
  if (!located.ok()) return with_path(std::move(located).error(), path);
  if (located->status.kind == metadata::FileKind::kDirectory) {
    return Error{Errc::kIsADirectory, path + ": is a directory"};
  }
  const auto size = located->status.length;
  progress.add_total(std::min(length, size - std::min(offset, size)), 1);
  MDFS_CHECK(
      read_located(context, path, std::move(located->blocks), offset, length, sink, progress));
  progress.add_files(1);
  return {};
}

Status read_located(ClientContext& context, const std::string& path,
                    std::vector<metadata::LocatedBlock> blocks, std::uint64_t offset,
                    std::uint64_t length, const Sink& sink, ProgressMeter& progress) {
  auto status = FileReader(context, path, std::move(blocks), progress).read(offset, length, sink);
  if (!status.ok()) return with_path(std::move(status).error(), path);
  return {};
}

}  // namespace minidfs::client
