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

#include "client/failures.hpp"
#include "client/write/block_bytes.hpp"
#include "client/write/block_write.hpp"
#include "client/write/grant_supply.hpp"
#include "client/write/kept_attributes.hpp"
#include "client/write/written_file.hpp"

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
  BlockWriteOptions write_options(const std::atomic<bool>* stop) const {
    return {settings.compression, settings.replication, stop};
  }
  // An error when the part is not stored.
  Status check(const WrittenPart& part, const Status& finished) const {
    return outcome_of(part, finished, copies_min(context.options, settings.replication));
  }
  std::uint32_t parallel() const { return std::max(context.options.parallel_blocks, 1U); }
};

// A source that can be read anywhere: each thread takes the next block that nobody has. `length` is
// what the file is said to have; it is read to where it ends.
class SeekableWriter {
 public:
  SeekableWriter(const Job& job, WriteSession& session, WrittenFile& file, int fd,
                 std::uint64_t length)
      : job_(job),
        session_(session),
        file_(file),
        fd_(fd),
        length_(length),
        blocks_((length - 1) / job.settings.block_size + 1),
        supply_(session, job.demand(std::min(length, job.settings.block_size)), blocks_,
                job.parallel()) {}

  // Returns how many blocks the file has.
  Result<std::uint64_t> run() {
    const auto threads = std::min<std::uint64_t>(job_.parallel(), blocks_);
    {
      std::vector<std::jthread> others;
      for (std::uint64_t i = 1; i < threads; ++i) others.emplace_back([this] { work(); });
      work();
    }
    if (error_) return std::move(*error_);
    return end_.load();  // Each thread went on until it met it.
  }

 private:
  void work() {
    SendingSpace space(job_.settings.compression);
    for (auto index = next_++; !stop_ && index < end_; index = next_++) {
      auto written = write(space, index);
      if (!written.ok()) return fail(std::move(written).error());
    }
  }

  Status write(SendingSpace& space, std::uint64_t index) {
    const auto block_size = job_.settings.block_size;
    const auto offset = index * block_size;
    const bool announced = index < blocks_;
    FileBytes bytes(fd_, offset, block_size, block_length(length_, block_size, index));
    if (!announced) {
      MDFS_TRY(const auto next, bytes.read(0, std::span(space.buffer).first(1)));
      if (next.empty()) {
        note_end(index);
        return {};
      }
    }
    WrittenPart part{&bytes};
    BlockWrite block(job_.context, session_, job_.progress, job_.write_options(&stop_), space);
    block.feed({&part, 1}, announced ? supply_.take() : grant_for_more());
    MDFS_CHECK(job_.check(part, block.finish()));
    const bool empty = part.nodes.empty();
    if (part.block.length < block_size) note_end(empty ? index : index + 1);
    return empty ? Status() : file_.add(index, std::move(part));
  }

  // The file has become longer.
  Result<actors::PipelineGrant> grant_for_more() {
    auto demand = job_.demand(job_.settings.block_size);
    demand.files.clear();
    MDFS_TRY(auto grants, session_.allocate(demand));
    if (grants.empty()) return Error{Errc::kProtocol, "the namenode granted no pipeline"};
    return std::move(grants.front());
  }

  // The file has no block `end`, nor any behind it.
  void note_end(std::uint64_t end) {
    auto known = end_.load();
    while (end < known && !end_.compare_exchange_weak(known, end)) {
    }
  }

  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    stop_ = true;
  }

  const Job& job_;
  WriteSession& session_;
  WrittenFile& file_;
  int fd_;
  std::uint64_t length_;
  std::uint64_t blocks_;  // By that length.
  GrantSupply supply_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<std::uint64_t> end_{UINT64_MAX};  // The first block that the file has not.
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::optional<Error> error_;  // The first one.
};

// A source that can only be read once, in order, by the calling thread, which also sends. While a
// block waits for its ack (and is perhaps sent again, from what was kept of it) the next begins.
class StreamWriter {
 public:
  StreamWriter(const Job& job, WriteSession& session, WrittenFile& file, Source& source)
      : job_(job),
        session_(session),
        file_(file),
        source_(source),
        space_(job.settings.compression) {}

  // Returns how many blocks the file has.
  Result<std::uint64_t> run() {
    auto status = send_all();
    if (!status.ok()) stop_ = true;
    while (!ending_.empty()) {
      auto taken = take_oldest();
      if (status.ok()) status = std::move(taken);
    }
    if (!status.ok()) return std::move(status).error();
    return blocks_;
  }

 private:
  // A block; after its last byte was read, until its acks are here.
  struct StreamedBlock {
    StreamedBlock(StreamWriter& writer, std::unique_ptr<ReplayBuffer> kept)
        : replay(std::move(kept)),
          bytes(writer.source_, *replay, writer.job_.settings.block_size),
          part{&bytes},
          write(writer.job_.context, writer.session_, writer.job_.progress,
                writer.job_.write_options(&writer.stop_), writer.space_) {}

    std::unique_ptr<ReplayBuffer> replay;
    StreamBytes bytes;
    WrittenPart part;
    BlockWrite write;
    std::future<Status> finished;  // Declared last: its end is waited for first.
  };

  Status send_all() {
    for (bool more = true; more;) {
      auto block = std::make_unique<StreamedBlock>(*this, take_replay());
      MDFS_CHECK(block->bytes.begin(space_.buffer));
      if (block->replay->length() == 0) return {};
      while (ending_.size() >= job_.parallel()) MDFS_CHECK(take_oldest());
      MDFS_CHECK(send(*block));
      more = !block->bytes.source_ended();
      block->finished =
          std::async(std::launch::async, [at = block.get()] { return at->write.finish(); });
      ending_.push_back(std::move(block));
    }
    return {};
  }

  // A stream may take hours for one block. When there are no nodes in the meantime it is only kept,
  // and sent at its end.
  Status send(StreamedBlock& block) {
    block.write.feed({&block.part, 1}, supply(block.bytes).take());
    if (block.part.unreadable) return *block.part.unreadable;
    if (block.write.may_start_again() && !block.bytes.whole()) {
      while (block.write.may_start_again() && !block.bytes.whole()) {
        MDFS_CHECK(block.bytes.keep_next(space_.buffer));
      }
      if (block.bytes.whole()) block.write.start_again();
    }
    return block.write.gave_up() ? block.write.finish() : Status();
  }

  // Made when the first bytes are here: a short stream asks for no more space than it takes.
  GrantSupply& supply(const StreamBytes& first) {
    const bool only = first.source_ended();
    if (!supply_) {
      supply_.emplace(session_, job_.demand(first.length_max()), only ? 1 : UINT64_MAX, 1);
    }
    return *supply_;
  }

  std::unique_ptr<ReplayBuffer> take_replay() {
    if (free_.empty()) return std::make_unique<ReplayBuffer>(temporary_directory());
    auto replay = std::move(free_.back());
    free_.pop_back();
    replay->clear();
    return replay;
  }

  Status take_oldest() {
    const auto oldest = std::move(ending_.front());
    ending_.pop_front();
    MDFS_CHECK(job_.check(oldest->part, oldest->finished.get()));
    free_.push_back(std::move(oldest->replay));
    oldest->part.bytes = nullptr;
    return file_.add(blocks_++, std::move(oldest->part));
  }

  const Job& job_;
  WriteSession& session_;
  WrittenFile& file_;
  Source& source_;
  SendingSpace space_;
  std::optional<GrantSupply> supply_;
  std::atomic<bool> stop_{false};
  std::vector<std::unique_ptr<ReplayBuffer>> free_;
  std::deque<std::unique_ptr<StreamedBlock>> ending_;  // In the order of the file.
  std::uint64_t blocks_ = 0;                           // In file_.
};

// What a regular file that can be read anywhere is said to have, or 0: then it is read as a stream.
// Files of /proc, which say that they are empty, come right this way too.
std::uint64_t seekable_length(int fd) {
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  return static_cast<std::uint64_t>(status.st_size);
}

Result<WriteReport> write(const Job& job, Source& source) {
  WriteSession session(job.context);
  WrittenFile file(session, job.settings);
  const int fd = source.seekable_fd();
  const auto length = seekable_length(fd);
  MDFS_TRY(const auto blocks, length > 0 ? SeekableWriter(job, session, file, fd, length).run()
                                         : StreamWriter(job, session, file, source).run());
  const auto attributes = job.settings.preserve ? source.attributes() : std::nullopt;
  // The last request that the file's bytes need, and for an empty file the only one.
  MDFS_TRY(
      auto report,
      file.commit(committed_file(job.context.options, job.settings, job.path, attributes), blocks));
  if (attributes) {
    Failures failures(nullptr);
    MDFS_CHECK(set_attributes(job.context, {{job.path, *attributes, false}}, failures));
    MDFS_CHECK(failures.result());
  }
  job.progress.add_files(1);
  return report;
}

}  // namespace

Result<FileSettings> file_settings(const Options& options, const WriteOptions& write) {
  FileSettings settings;
  settings.overwrite = write.overwrite;
  settings.keep_existing = write.keep_existing && !write.overwrite;
  settings.preserve = write.preserve;
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
                                       const std::string& path,
                                       const std::optional<Attributes>& attributes) {
  metadata::CommittedFile file;
  file.path = path;
  if (attributes) file.permission = attributes->permission;
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
  const auto begin = index * block_size;
  return begin < file_length ? std::min(block_size, file_length - begin) : block_size;
}

Result<WriteReport> write_one_file(ClientContext& context, const std::string& path, Source& source,
                                   const FileSettings& settings, ProgressMeter& progress) {
  auto report = write({context, path, settings, progress}, source);
  if (report.ok()) return report;
  if (settings.keep_existing && report.error().code == Errc::kAlreadyExists) {
    WriteReport kept;
    kept.kept = 1;
    kept.copies_wanted = kept.copies_min = settings.replication;
    return kept;
  }
  return with_path(std::move(report).error(), path);
}

}  // namespace minidfs::client
