#include "client/write/small_file_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "client/write/block_sender.hpp"
#include "client/write/write_session.hpp"

namespace minidfs::client {
namespace {

// A batch is not so large that its retry, or the wait for its last ack, would be felt.
constexpr std::uint64_t kBatchBytesMax = 16ULL << 20;
// Below what a datanode lets wait for acks on one connection (docs/formats.md, "Data plane").
constexpr std::size_t kBatchFilesMax = 256;

// Writes batches, one after another. For one thread.
class BatchWriter {
 public:
  BatchWriter(ClientContext& context, const FileSettings& settings, ProgressMeter& progress)
      : context_(context),
        settings_(settings),
        progress_(progress),
        session_(context),
        encoder_(settings.compression),
        copies_wanted_(copies_min(context.options, settings.replication)) {}

  Status write(std::span<const SmallFile> batch) {
    files_.clear();
    for (const auto& small : batch) files_.push_back({&small, {}, false});
    MDFS_CHECK(write_blocks());
    return commit();
  }

  const WriteReport& report() const { return report_; }

 private:
  struct Entry {
    const SmallFile* small;
    SentBlock sent;
    bool done;  // Stored on all nodes of its pipeline, or empty.
  };

  BlockDemand demand(const std::vector<Entry*>& pending) const {
    BlockDemand demand;
    demand.block_size = 1;
    for (const auto* entry : pending) {
      demand.block_size = std::max(demand.block_size, entry->small->length);
      demand.files.push_back({entry->small->file->path, settings_.overwrite});
    }
    demand.blocks_per_pipeline = static_cast<std::uint32_t>(pending.size());
    demand.replication = settings_.replication;
    return demand;
  }

  // The fewest copies of any that is pending.
  static std::size_t fewest_copies(const std::vector<Entry*>& pending) {
    std::size_t fewest = SIZE_MAX;
    for (const auto* entry : pending) fewest = std::min(fewest, entry->sent.nodes.size());
    return fewest;
  }

  // A pipeline for blocks that are stored but have lost copies; none when nothing can be gained.
  std::optional<actors::PipelineGrant> replacement(const std::vector<Entry*>& pending) {
    auto grants = session_.allocate(demand(pending));
    if (!grants.ok() || grants->empty()) return {};
    if (grants->front().targets.size() <= fewest_copies(pending)) return {};
    return std::move(grants->front());
  }

  Error why_not(const std::vector<Entry*>& pending, const Status& tried) const {
    if (!tried.ok()) return tried.error();
    if (fewest_copies(pending) == 0) return not_stored_;
    return too_few_copies(pending.front()->sent, copies_wanted_);
  }

  // Sends what is pending again and again until all of it is stored, and a few times more while
  // some of it has fewer copies than it could have.
  Status write_blocks() {
    std::vector<Entry*> pending;
    for (auto& entry : files_) {
      entry.done = entry.small->length == 0;
      if (!entry.done) pending.push_back(&entry);
    }
    if (pending.empty()) return {};
    WriteRetry retry(context_, session_);
    MDFS_TRY(auto grants, session_.allocate(demand(pending)));
    if (grants.empty()) return Error{Errc::kProtocol, "the namenode granted no pipeline"};
    auto grant = std::move(grants.front());
    tries_ = 0;
    for (int rewrites = 0;;) {
      if (grant.blocks.size() < pending.size()) {
        return Error{Errc::kProtocol, "the namenode granted " +
                                          std::to_string(grant.blocks.size()) + " blocks of " +
                                          std::to_string(pending.size())};
      }
      const auto tried = send(grant, pending);
      std::erase_if(pending, [](const Entry* entry) { return entry->done; });
      if (pending.empty()) return {};
      if (fewest_copies(pending) >= copies_wanted_) {
        // What was written stands, whatever has become of its source.
        if (std::exchange(local_error_, std::nullopt) || rewrites++ == kRewritesMax) return {};
        auto better = replacement(pending);
        if (!better) return {};
        grant = std::move(*better);
        continue;
      }
      if (local_error_) return *std::exchange(local_error_, std::nullopt);
      auto next = retry.next(why_not(pending, tried), demand(pending));
      if (!next.ok()) {
        return with_path(std::move(next).error(), pending.front()->small->file->path);
      }
      grant = std::move(*next);
    }
  }

  // One try over one connection. Entries whose ack came and was good are done.
  Status send(const actors::PipelineGrant& grant, std::vector<Entry*>& pending) {
    const auto& first = grant.targets.front();
    auto taken = context_.pipelines.take(grant.targets, tries_++ > 0);
    if (!taken.ok()) {
      session_.exclude(first.node);
      return std::move(taken).error();
    }
    auto pipeline = std::move(*taken);
    reused_ = pipeline.reused;
    bool whole = true;
    auto status = send_all(*pipeline.writer, grant, pending);
    if (local_error_) return *local_error_;
    // After a failure of the connection the acks that came before it still count.
    for (std::size_t i = 0; i < pending.size() && pipeline.writer->unacknowledged() > 0; ++i) {
      auto ack = pipeline.writer->wait_ack();
      if (!ack.ok()) {
        if (status.ok()) status = std::move(ack).error();
        break;
      }
      for (const bool stored : ack->stored) whole = whole && stored;
      take_ack(grant, i, *ack, *pending[i]);
    }
    if (!status.ok()) {
      if (!reused_ || status.error().code == Errc::kTimedOut) session_.exclude(first.node);
      context_.pipelines.forget(first.data);
    }
    if (status.ok() && whole) context_.pipelines.give_back(std::move(pipeline));
    return status;
  }

  Status send_all(transfer::PipelineWriter& writer, const actors::PipelineGrant& grant,
                  const std::vector<Entry*>& pending) {
    lengths_.assign(pending.size(), 0);
    for (std::size_t i = 0; i < pending.size(); ++i) {
      auto bytes = read_local(*pending[i]->small);
      if (!bytes.ok()) {
        local_error_ = std::move(bytes).error();
        return *local_error_;
      }
      lengths_[i] = bytes->size();
      MDFS_CHECK(writer.begin_block(grant.blocks[i], grant.generation, bytes->size()));
      encoder_.begin_block(grant.blocks[i]);
      for (auto rest = *bytes; !rest.empty();) {
        const auto chunk = rest.first(std::min(rest.size(), kChunkBytes));
        const auto encoded = encoder_.encode(chunk);
        MDFS_CHECK(writer.append(encoded.slices, encoded.stored));
        rest = rest.subspan(chunk.size());
      }
      MDFS_CHECK(writer.end_block());
    }
    return {};
  }

  void take_ack(const actors::PipelineGrant& grant, std::size_t index,
                const transfer::BlockAck& ack, Entry& entry) {
    auto sent = settle(session_, {grant.blocks[index], grant.generation, grant.targets},
                       lengths_[index], ack, reused_);
    if (!sent.ok()) {
      not_stored_ = std::move(sent).error();
      return;
    }
    if (entry.sent.nodes.empty()) progress_.add_bytes(lengths_[index]);
    if (sent->nodes.size() > entry.sent.nodes.size()) entry.sent = std::move(*sent);
    entry.done = entry.sent.nodes.size() >= std::max(entry.sent.targets, copies_wanted_);
  }

  // The bytes of a file as long as it was when the batch was formed; valid until the next call.
  Result<std::span<const std::byte>> read_local(const SmallFile& small) {
    const auto& path = small.file->local_path;
    MDFS_TRY(const auto fd, open_file(path, O_RDONLY));
    if (buffer_.size() < small.length) buffer_.resize(static_cast<std::size_t>(small.length));
    const auto bytes = std::span(buffer_).first(static_cast<std::size_t>(small.length));
    if (auto read = FileBytes(fd.get(), 0, small.length).read(0, bytes); !read.ok()) {
      return with_path(std::move(read).error(), path);
    }
    return std::span<const std::byte>(bytes);
  }

  Status commit() {
    std::vector<metadata::CommittedFile> files;
    std::vector<actors::WrittenBlock> written;
    std::size_t copies_min = settings_.replication;
    for (auto& entry : files_) {
      files.push_back(committed_file(context_.options, settings_, entry.small->file->path));
      if (entry.sent.nodes.empty()) continue;
      copies_min = std::min(copies_min, entry.sent.nodes.size());
      files.back().blocks.push_back(entry.sent.block);
      written.push_back({entry.sent.block.id, std::move(entry.sent.nodes)});
    }
    MDFS_TRY(const auto outcomes, session_.commit(std::move(files), std::move(written)));
    Status first;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      auto outcome = metadata::to_result(outcomes[i]);
      if (!outcome.ok()) {
        if (first.ok()) first = with_path(std::move(outcome).error(), files_[i].small->file->path);
        continue;
      }
      ++report_.files;
      report_.bytes += files_[i].sent.block.length;
      progress_.add_files(1);
    }
    report_.copies_wanted = settings_.replication;
    report_.copies_min = std::min(report_.copies_min, static_cast<std::uint8_t>(copies_min));
    return first;
  }

  ClientContext& context_;
  const FileSettings& settings_;
  ProgressMeter& progress_;
  WriteSession session_;
  storage::SliceEncoder encoder_;
  std::vector<std::byte> buffer_;
  std::vector<Entry> files_;
  std::vector<std::uint64_t> lengths_;  // Of the blocks sent in this try.
  std::size_t copies_wanted_;           // At least.
  int tries_ = 0;                       // Of the present batch.
  bool reused_ = false;                 // The connection of the present try stood idle before.
  std::optional<Error> local_error_;
  Error not_stored_;
  WriteReport report_{0, 0, 0, 0, UINT8_MAX};
};

// Hands the batches out to the threads and adds up what they achieved.
class Batches {
 public:
  Batches(ClientContext& context, const std::vector<SmallFile>& files, const FileSettings& settings,
          ProgressMeter& progress)
      : context_(context),
        files_(files),
        settings_(settings),
        progress_(progress),
        ends_(form_batches(files,
                           std::clamp<std::size_t>(context.options.batch_files, 1, kBatchFilesMax),
                           kBatchBytesMax)) {}

  Result<WriteReport> run() {
    const std::size_t wanted = std::max(context_.options.parallel_batches, 1U);
    {
      std::vector<std::jthread> others;
      const auto threads = std::min(wanted, ends_.size());
      for (std::size_t i = 1; i < threads; ++i) others.emplace_back([this] { work(); });
      work();
    }
    if (error_) return std::move(*error_);
    return total_;
  }

 private:
  void work() {
    BatchWriter writer(context_, settings_, progress_);
    std::optional<Error> error;
    for (auto index = next_++; index < ends_.size() && !stop_ && !error; index = next_++) {
      const auto begin = index == 0 ? 0 : ends_[index - 1];
      auto status = writer.write(std::span(files_).subspan(begin, ends_[index] - begin));
      if (!status.ok()) error = std::move(status).error();
    }
    const std::lock_guard lock(mutex_);
    total_.files += writer.report().files;
    total_.bytes += writer.report().bytes;
    total_.copies_min = std::min(total_.copies_min, writer.report().copies_min);
    if (error) {
      stop_ = true;
      if (!error_) error_ = std::move(error);
    }
  }

  ClientContext& context_;
  const std::vector<SmallFile>& files_;
  const FileSettings& settings_;
  ProgressMeter& progress_;
  std::vector<std::size_t> ends_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  WriteReport total_{0, 0, 0, settings_.replication, settings_.replication};
  std::optional<Error> error_;  // The first one.
};

}  // namespace

std::vector<std::size_t> form_batches(const std::vector<SmallFile>& files, std::size_t files_max,
                                      std::uint64_t bytes_max) {
  std::vector<std::size_t> ends;
  std::size_t begin = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (i > begin && (i - begin == files_max || bytes + files[i].length > bytes_max)) {
      ends.push_back(i);
      begin = i;
      bytes = 0;
    }
    bytes += files[i].length;
  }
  if (begin < files.size()) ends.push_back(files.size());
  return ends;
}

Result<WriteReport> write_small_files(ClientContext& context, const std::vector<SmallFile>& files,
                                      const FileSettings& settings, ProgressMeter& progress) {
  return Batches(context, files, settings, progress).run();
}

}  // namespace minidfs::client
