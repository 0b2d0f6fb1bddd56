#include "client/write/file_writer.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "client/write/block_sender.hpp"
#include "client/write/grant_supply.hpp"
#include "client/write/streamed_block.hpp"

namespace minidfs::client {
namespace {

// Shared by both ways of writing: everything but where the bytes come from.
struct Job {
  ClientContext& context;
  const std::string& path;
  const FileSettings& settings;
  ProgressMeter& progress;

  BlockDemand demand(std::uint64_t block_size) const {
    BlockDemand demand;
    demand.files.push_back({path, settings.overwrite});
    demand.block_size = block_size;
    demand.replication = settings.replication;
    return demand;
  }
  BlockSenderOptions sender_options(const std::atomic<bool>* stop) const {
    return {settings.compression, settings.replication, stop};
  }
};

// The last request of a write, and for an empty file the only one.
Result<WriteReport> commit(const Job& job, WriteSession& session, std::vector<SentBlock> blocks) {
  auto file = committed_file(job.context.options, job.settings, job.path);
  WriteReport report{1, 0, 0, job.settings.replication, job.settings.replication};
  std::vector<actors::WrittenBlock> written;
  for (auto& sent : blocks) {
    report.bytes += sent.block.length;
    report.copies_min =
        static_cast<std::uint8_t>(std::min<std::size_t>(report.copies_min, sent.nodes.size()));
    file.blocks.push_back(sent.block);
    written.push_back({sent.block.id, std::move(sent.nodes)});
  }
  std::vector<metadata::CommittedFile> files;
  files.push_back(std::move(file));
  MDFS_TRY(const auto outcomes, session.commit(std::move(files), std::move(written)));
  MDFS_CHECK(metadata::to_result(outcomes.front()));
  job.progress.add_files(1);
  return report;
}

// A source that can be read anywhere: each thread takes the next block that nobody has.
class SeekableWriter {
 public:
  SeekableWriter(const Job& job, WriteSession& session, int fd, std::uint64_t length)
      : job_(job),
        session_(session),
        fd_(fd),
        length_(length),
        sent_((length - 1) / job.settings.block_size + 1),
        supply_(session, job.demand(std::min(length, job.settings.block_size)), sent_.size(),
                std::max(job.context.options.parallel_blocks, 1U)) {}

  Result<std::vector<SentBlock>> run() {
    const auto wanted = std::max(job_.context.options.parallel_blocks, 1U);
    const auto threads = std::min<std::uint64_t>(wanted, sent_.size());
    {
      std::vector<std::jthread> others;
      for (std::uint64_t i = 1; i < threads; ++i) others.emplace_back([this] { work(); });
      work();
    }
    if (error_) return std::move(*error_);
    return std::move(sent_);
  }

 private:
  void work() {
    BlockSender sender(job_.context, session_, job_.progress, job_.sender_options(&stop_));
    for (auto index = next_++; index < sent_.size() && !stop_; index = next_++) {
      auto sent = send(sender, index);
      if (!sent.ok()) return fail(std::move(sent).error());
      sent_[index] = std::move(*sent);
    }
  }

  Result<SentBlock> send(BlockSender& sender, std::uint64_t index) {
    const auto block_size = job_.settings.block_size;
    FileBytes bytes(fd_, index * block_size, block_length(length_, block_size, index));
    auto grant = supply_.take();
    if (grant.ok()) return sender.send(std::move(*grant), bytes);
    const bool perhaps_later = grant.error().code == Errc::kNoDatanode && session_.excludes_any();
    if (!perhaps_later) return std::move(grant).error();
    BlockRewrites rewrites(session_);
    return sender.send_again(std::move(grant).error(), bytes, rewrites);
  }

  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    stop_ = true;
  }

  const Job& job_;
  WriteSession& session_;
  int fd_;
  std::uint64_t length_;
  std::vector<SentBlock> sent_;  // Each element belongs to the thread that took its index.
  GrantSupply supply_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::optional<Error> error_;  // The first one.
};

// A source that can only be read once, in order, by the calling thread, which also sends. While a
// block waits for its ack (and is perhaps written again, from its replay buffer) the next begins.
class StreamWriter {
 public:
  StreamWriter(const Job& job, WriteSession& session, Source& source)
      : job_(job),
        session_(session),
        source_(source),
        encoder_(job.settings.compression),
        buffer_(kChunkBytes) {}

  Result<std::vector<SentBlock>> run() {
    auto status = send_all();
    if (!status.ok()) stop_ = true;
    while (!ending_.empty()) {
      auto taken = take_oldest();
      if (status.ok()) status = std::move(taken);
    }
    if (!status.ok()) return std::move(status).error();
    return std::move(sent_);
  }

 private:
  // A block after its last byte was read, until its ack is here.
  struct Ending {
    std::unique_ptr<StreamedBlock> block;
    std::future<Result<SentBlock>> sent;  // Declared after the block: its end is waited for first.
  };

  // Reads until the buffer's first `limit` bytes are full or the source ends.
  Result<std::span<const std::byte>> read_chunk(std::size_t limit) {
    std::size_t filled = 0;
    while (filled < limit) {
      MDFS_TRY(const auto count, source_.read(std::span(buffer_).subspan(filled, limit - filled)));
      if (count == 0) break;
      filled += count;
    }
    at_end_ = filled < limit;
    return std::span<const std::byte>(buffer_).first(filled);
  }

  std::size_t chunk_limit(std::uint64_t done) const {
    return static_cast<std::size_t>(
        std::min<std::uint64_t>(kChunkBytes, job_.settings.block_size - done));
  }

  Status send_all() {
    while (!at_end_) {
      MDFS_TRY(const auto chunk, read_chunk(chunk_limit(0)));
      if (chunk.empty()) return {};
      while (ending_.size() >= std::max(job_.context.options.parallel_blocks, 1U)) {
        MDFS_CHECK(take_oldest());
      }
      MDFS_CHECK(send_block(chunk));
    }
    return {};
  }

  // Made when the first chunk is here: a short stream asks for no more space than it takes.
  GrantSupply& supply(std::size_t first_chunk) {
    if (!supply_) {
      supply_.emplace(session_, job_.demand(at_end_ ? first_chunk : job_.settings.block_size),
                      at_end_ ? 1 : UINT64_MAX, 1);
    }
    return *supply_;
  }

  Status send_block(std::span<const std::byte> chunk) {
    auto replay = free_.empty() ? std::make_unique<ReplayBuffer>(temporary_directory())
                                : std::move(free_.back());
    if (!free_.empty()) free_.pop_back();
    replay->clear();
    auto block =
        std::make_unique<StreamedBlock>(job_.context, session_, job_.progress,
                                        job_.sender_options(&stop_), encoder_, std::move(replay));
    const auto block_size = job_.settings.block_size;
    MDFS_CHECK(block->begin(supply(chunk.size()).take(), at_end_ ? chunk.size() : block_size));
    while (!chunk.empty()) {
      const bool last = at_end_ || block->length() + chunk.size() == block_size;
      MDFS_CHECK(block->append(chunk, last));
      if (last) break;
      MDFS_TRY(chunk, read_chunk(chunk_limit(block->length())));
    }
    block->end();
    auto sent = std::async(std::launch::async, [at = block.get()] { return at->finish(); });
    ending_.push_back({std::move(block), std::move(sent)});
    return {};
  }

  Status take_oldest() {
    auto oldest = std::move(ending_.front());
    ending_.pop_front();
    MDFS_TRY(auto sent, oldest.sent.get());
    sent_.push_back(std::move(sent));
    free_.push_back(oldest.block->take_replay());
    return {};
  }

  const Job& job_;
  WriteSession& session_;
  Source& source_;
  storage::SliceEncoder encoder_;
  std::vector<std::byte> buffer_;
  std::optional<GrantSupply> supply_;
  bool at_end_ = false;
  std::atomic<bool> stop_{false};
  std::vector<std::unique_ptr<ReplayBuffer>> free_;
  std::deque<Ending> ending_;  // In the order of the file.
  std::vector<SentBlock> sent_;
};

// The length of a regular file that can be read anywhere, or 0: then it is read as a stream. Files
// of /proc, which say that they are empty, come right this way too.
std::uint64_t seekable_length(int fd) {
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  return static_cast<std::uint64_t>(status.st_size);
}

Result<WriteReport> write(const Job& job, Source& source) {
  WriteSession session(job.context);
  const int fd = source.seekable_fd();
  const auto length = seekable_length(fd);
  // What stands in the file now is taken, whatever is appended meanwhile.
  auto sent = length > 0 ? SeekableWriter(job, session, fd, length).run()
                         : StreamWriter(job, session, source).run();
  if (!sent.ok()) return std::move(sent).error();
  return commit(job, session, std::move(*sent));
}

}  // namespace

Result<FileSettings> file_settings(const Options& options, const WriteOptions& write) {
  FileSettings settings;
  settings.overwrite = write.overwrite;
  settings.replication = write.replication != 0 ? write.replication : options.replication;
  settings.block_size = write.block_size != 0 ? write.block_size : options.block_size;
  settings.compression_text = write.compression.empty() ? options.compression : write.compression;
  if (settings.replication == 0 || settings.block_size == 0) {
    return Error{Errc::kInvalidArgument,
                 "replication " + std::to_string(settings.replication) + " and block size " +
                     std::to_string(settings.block_size) + ": both must be above 0"};
  }
  MDFS_TRY(settings.compression, storage::parse_compression(settings.compression_text));
  return settings;
}

metadata::CommittedFile committed_file(const Options& options, const FileSettings& settings,
                                       const std::string& path) {
  metadata::CommittedFile file;
  file.path = path;
  file.overwrite = settings.overwrite;
  file.owner = options.user;
  file.group = options.group;
  file.block_size = settings.block_size;
  file.replication = settings.replication;
  file.compression = settings.compression_text;
  return file;
}

std::uint64_t block_length(std::uint64_t file_length, std::uint64_t block_size,
                           std::uint64_t index) {
  return std::min(block_size, file_length - index * block_size);
}

Result<WriteReport> write_one_file(ClientContext& context, const std::string& path, Source& source,
                                   const FileSettings& settings, ProgressMeter& progress) {
  auto report = write({context, path, settings, progress}, source);
  if (!report.ok()) return with_path(std::move(report).error(), path);
  return report;
}

}  // namespace minidfs::client
