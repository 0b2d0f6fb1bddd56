#include "client/write/small_file_writer.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "client/local_attributes.hpp"
#include "client/write/block_bytes.hpp"
#include "client/write/block_write.hpp"
#include "client/write/kept_attributes.hpp"
#include "client/write/write_session.hpp"

namespace minidfs::client {
namespace {

// A batch is not so large that its retry, or the wait for its last ack, would be felt.
constexpr std::uint64_t kBatchBytesMax = 16ULL << 20;
// Of all paths in a batch: its commit is one entry of the namenode's log, of at most 1 MiB.
constexpr std::size_t kBatchPathsBytesMax = 512U << 10;
// Below what a datanode lets wait for acks on one connection (docs/formats.md, "Data plane").
constexpr std::size_t kBatchFilesMax = 256;

// The error that the namenode refuses a file for, whatever becomes of the others.
bool concerns_path(Errc code) {
  return code == Errc::kAlreadyExists || code == Errc::kIsADirectory ||
         code == Errc::kNotADirectory || code == Errc::kNotFound || code == Errc::kInvalidArgument;
}

// None of what is gone by now, or no regular file.
std::optional<Attributes> attributes_at(const std::string& local_path) {
  struct stat status {};
  if (::stat(local_path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return attributes_of(status);
}

// Shared by all batches of one call.
struct BatchJob {
  ClientContext& context;
  const FileSettings& settings;
  std::size_t bytes_max;
  Failures& failures;
  ProgressMeter& progress;
};

// Writes batches, one after another. For one thread.
class BatchWriter {
 public:
  explicit BatchWriter(const BatchJob& job) : job_(job), space_(job.settings.compression) {
    report_.written.copies_min = UINT8_MAX;
  }

  // An error is one that the next batch would meet as well.
  Status write(std::span<const SmallFile> batch) {
    // One that has expired took its own batch with it, no other.
    if (!session_ || !session_->alive().ok()) session_.emplace(job_.context);
    entries_.clear();
    for (const auto& small : batch) {
      entries_.push_back(
          {small.file, std::make_unique<SmallFileBytes>(small.file->local_path, small.length,
                                                        job_.bytes_max, memory_)});
    }
    for (auto& entry : entries_) {
      // To read it changes its time of access.
      if (job_.settings.preserve) entry.attributes = attributes_at(entry.file->local_path);
      if (entry.bytes->length_max() == 0) look_into(entry);
    }
    auto stored = write_blocks();
    if (!stored.ok() && !ends_all(stored.error().code)) stored = {};
    auto committed = commit();
    return stored.ok() ? committed : stored;
  }

  SmallFilesReport take_report() { return std::move(report_); }

 private:
  struct Entry {
    const LocalFile* file;
    std::unique_ptr<SmallFileBytes> bytes;
    bool left = false;   // It failed, exists already, or is large: nothing of it is committed.
    bool empty = false;  // So it needs no block.
    std::optional<Attributes> attributes{};  // To be preserved.
    WrittenPart part{};
  };

  void leave(Entry& entry, Error error) {
    entry.left = true;
    if (error.code == Errc::kAlreadyExists && job_.settings.keep_existing) {
      ++report_.written.kept;
    } else {
      job_.failures.note(with_path(std::move(error), entry.file->path));
    }
  }

  void leave_unreadable(Entry& entry, Error error) {
    entry.left = true;
    if (error.code == Errc::kTooLarge) {
      report_.large.push_back(entry.file);
    } else {
      job_.failures.note(with_path(std::move(error), entry.file->local_path));
    }
  }

  // A file that is said to be empty may have content, such as those of /proc.
  void look_into(Entry& entry) {
    const auto first = entry.bytes->read(0, std::span(space_.buffer).first(1));
    if (!first.ok()) return leave_unreadable(entry, first.error());
    entry.empty = first->empty();
  }

  std::vector<Entry*> to_send() {
    std::vector<Entry*> entries;
    for (auto& entry : entries_) {
      if (!entry.left && !entry.empty) entries.push_back(&entry);
    }
    return entries;
  }

  // A pipeline for all of them, after those that the namenode refuses have been left out.
  Result<actors::PipelineGrant> first_grant() {
    for (bool checked = false;; checked = true) {
      BlockDemand demand;
      demand.block_size = 1;
      const auto entries = to_send();
      if (entries.empty()) return actors::PipelineGrant{};
      for (const auto* entry : entries) {
        demand.block_size = std::max(demand.block_size, entry->bytes->length_max());
        if (!checked) demand.files.push_back({entry->file->path, job_.settings.overwrite});
      }
      demand.blocks_per_pipeline = static_cast<std::uint32_t>(entries.size());
      demand.replication = job_.settings.replication;
      auto grants = session_->allocate(demand);
      if (grants.ok() && !grants->empty()) return std::move(grants->front());
      if (grants.ok()) return Error{Errc::kProtocol, "the namenode granted no pipeline"};
      if (checked || !concerns_path(grants.error().code)) return std::move(grants).error();
      MDFS_CHECK(leave_refused(entries));
    }
  }

  // The namenode refuses a batch for one path: finds out for which, of all of them.
  Status leave_refused(const std::vector<Entry*>& entries) {
    std::vector<std::future<Result<metadata::FileStatus>>> answers;
    for (const auto* entry : entries) {
      auto answer = std::make_shared<std::promise<Result<metadata::FileStatus>>>();
      answers.push_back(answer->get_future());
      job_.context.link.submit<actors::StatRequest>(
          actors::StatRequest{entry->file->path},
          [answer](auto status) { answer->set_value(std::move(status)); });
    }
    Status problem;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      auto status = answers[i].get();
      auto& entry = *entries[i];
      if (status.ok()) {
        const bool directory = status->kind == metadata::FileKind::kDirectory;
        if (directory) leave(entry, {Errc::kIsADirectory, "is a directory"});
        if (!directory && !job_.settings.overwrite) {
          leave(entry, {Errc::kAlreadyExists, "already exists"});
        }
      } else if (ends_all(status.error().code)) {
        problem = std::move(status).error();
      } else if (status.error().code != Errc::kNotFound) {
        leave(entry, std::move(status).error());
      }
    }
    return problem;
  }

  Status write_blocks() {
    auto grant = first_grant();
    const auto entries = to_send();
    if (entries.empty()) return grant.ok() ? Status() : Status(grant.error());
    std::vector<WrittenPart> parts(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) parts[i].bytes = entries[i]->bytes.get();
    BlockWrite blocks(job_.context, *session_, job_.progress,
                      {job_.settings.compression, job_.settings.replication, nullptr}, space_);
    blocks.feed(parts, std::move(grant));
    auto finished = blocks.finish();
    const auto wanted = copies_min(job_.context.options, job_.settings.replication);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      auto& entry = *entries[i];
      entry.part = std::move(parts[i]);
      auto outcome = outcome_of(entry.part, finished, wanted);
      if (outcome.ok()) continue;
      if (entry.part.unreadable) {
        leave_unreadable(entry, std::move(outcome).error());
      } else if (ends_all(outcome.error().code)) {
        entry.left = true;
      } else {
        leave(entry, std::move(outcome).error());
      }
    }
    if (finished.ok()) return {};
    return with_path(std::move(finished).error(), entries.front()->file->path);
  }

  Status commit() {
    std::vector<metadata::CommittedFile> files;
    std::vector<actors::WrittenBlock> written;
    std::vector<Entry*> committed;
    for (auto& entry : entries_) {
      if (entry.left) continue;
      committed.push_back(&entry);
      files.push_back(
          committed_file(job_.context.options, job_.settings, entry.file->path, entry.attributes));
      if (entry.part.nodes.empty()) continue;
      files.back().blocks.push_back(entry.part.block);
      written.push_back({entry.part.block.id, entry.part.nodes});
    }
    if (files.empty()) return {};
    auto outcomes = session_->commit(std::move(files), std::move(written));
    if (!outcomes.ok() && ends_all(outcomes.error().code)) return std::move(outcomes).error();
    std::vector<WantedAttributes> wanted;
    for (std::size_t i = 0; i < committed.size(); ++i) {
      auto outcome = outcomes.ok() ? metadata::to_result((*outcomes)[i])
                                   : Result<std::uint64_t>(outcomes.error());
      if (outcome.ok()) {
        add_stored(*committed[i]);
        if (const auto& kept = committed[i]->attributes) {
          wanted.push_back({committed[i]->file->path, *kept, false});
        }
      } else {
        leave(*committed[i], std::move(outcome).error());
      }
    }
    return set_attributes(job_.context, wanted, job_.failures);
  }

  void add_stored(const Entry& entry) {
    auto& total = report_.written;
    ++total.files;
    total.bytes += entry.part.block.length;
    if (!entry.part.nodes.empty()) {
      total.copies_min = static_cast<std::uint8_t>(
          std::min<std::size_t>(total.copies_min, entry.part.nodes.size()));
    }
    job_.progress.add_files(1);
  }

  const BatchJob& job_;
  std::optional<WriteSession> session_;
  SendingSpace space_;
  std::vector<std::byte> memory_;  // Of the file that is read at the moment.
  std::vector<Entry> entries_;
  SmallFilesReport report_;
};

// Hands the batches out to the threads and adds up what they achieved.
class Batches {
 public:
  Batches(const BatchJob& job, const std::vector<SmallFile>& files)
      : job_(job),
        files_(files),
        ends_(form_batches(
            files, std::clamp<std::size_t>(job.context.options.batch_files, 1, kBatchFilesMax),
            kBatchBytesMax)) {
    total_.written.copies_wanted = total_.written.copies_min = job.settings.replication;
  }

  SmallFilesReport run() {
    const std::size_t wanted = std::max(job_.context.options.parallel_batches, 1U);
    {
      std::vector<std::jthread> others;
      const auto threads = std::min(wanted, ends_.size());
      for (std::size_t i = 1; i < threads; ++i) others.emplace_back([this] { work(); });
      work();
    }
    return std::move(total_);
  }

 private:
  void work() {
    BatchWriter writer(job_);
    Status status;
    for (auto index = next_++; index < ends_.size() && !stop_ && status.ok(); index = next_++) {
      const auto begin = index == 0 ? 0 : ends_[index - 1];
      status = writer.write(std::span(files_).subspan(begin, ends_[index] - begin));
    }
    auto report = writer.take_report();
    const std::lock_guard lock(mutex_);
    add_report(total_.written, report.written);
    total_.large.insert(total_.large.end(), report.large.begin(), report.large.end());
    if (status.ok()) return;
    stop_ = true;
    if (total_.ended.ok()) total_.ended = std::move(status);
  }

  const BatchJob& job_;
  const std::vector<SmallFile>& files_;
  std::vector<std::size_t> ends_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  SmallFilesReport total_;
};

}  // namespace

std::vector<std::size_t> form_batches(const std::vector<SmallFile>& files, std::size_t files_max,
                                      std::uint64_t bytes_max) {
  std::vector<std::size_t> ends;
  std::size_t begin = 0;
  std::uint64_t bytes = 0;
  std::size_t path_bytes = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto path = files[i].file->path.size();
    if (i > begin && (i - begin == files_max || bytes + files[i].length > bytes_max ||
                      path_bytes + path > kBatchPathsBytesMax)) {
      ends.push_back(i);
      begin = i;
      bytes = 0;
      path_bytes = 0;
    }
    bytes += files[i].length;
    path_bytes += path;
  }
  if (begin < files.size()) ends.push_back(files.size());
  return ends;
}

SmallFilesReport write_small_files(ClientContext& context, const std::vector<SmallFile>& files,
                                   std::uint64_t bytes_max, const FileSettings& settings,
                                   Failures& failures, ProgressMeter& progress) {
  const BatchJob job{context, settings, static_cast<std::size_t>(bytes_max), failures, progress};
  return Batches(job, files).run();
}

void add_report(WriteReport& total, const WriteReport& one) {
  total.files += one.files;
  total.bytes += one.bytes;
  total.kept += one.kept;
  total.copies_min = std::min(total.copies_min, one.copies_min);
}

}  // namespace minidfs::client
