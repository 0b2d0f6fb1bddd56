#include "client/write/tree_writer.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "client/failures.hpp"
#include "client/local_source.hpp"

namespace minidfs::client {
namespace {

// A batch is not so large that its retry, or the wait for its last ack, would be felt.
constexpr std::uint64_t kBatchBytesMax = 16ULL << 20;
// Of all paths in a batch: its commit is one entry of the namenode's log, of at most 1 MiB.
constexpr std::size_t kBatchPathsBytesMax = 512U << 10;
// Below what a datanode lets wait for acks on one connection (docs/formats.md, "Data plane").
constexpr std::size_t kBatchFilesMax = 256;

void add_report(WriteReport& total, const WriteReport& one) {
  total.files += one.files;
  total.bytes += one.bytes;
  total.kept += one.kept;
  total.copies_min = std::min(total.copies_min, one.copies_min);
}

// The length of a regular file; none for pipes, devices and the like, which are read to their end.
Result<std::optional<std::uint64_t>> length_of(const std::string& local_path) {
  struct stat status {};
  if (::stat(local_path.c_str(), &status) != 0) return errno_error(errno, local_path);
  if (S_ISDIR(status.st_mode)) return Error{Errc::kIsADirectory, local_path + ": is a directory"};
  if (!S_ISREG(status.st_mode)) return std::optional<std::uint64_t>();
  return std::optional<std::uint64_t>(static_cast<std::uint64_t>(status.st_size));
}

// Hands the batches out to threads and adds up what they achieved.
class Batches {
 public:
  Batches(const BatchJob& job, const std::vector<SmallFile>& files)
      : job_(job),
        files_(files),
        ends_(form_batches(
            files, std::clamp<std::size_t>(job.context.options.batch_files, 1, kBatchFilesMax),
            kBatchBytesMax)) {
    total_.written.copies_min = job.settings.replication;
  }

  // An error is one that all files would meet; it was the end after what was under way then.
  Status run() {
    const std::size_t wanted = std::max(job_.context.options.parallel_batches, 1U);
    std::vector<std::jthread> others;
    const auto threads = std::min(wanted, ends_.size());
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back([this] { work(); });
    work();
    others.clear();
    return ended_;
  }

  const BatchReport& total() const { return total_; }

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
    if (ended_.ok()) ended_ = std::move(status);
  }

  const BatchJob& job_;
  const std::vector<SmallFile>& files_;
  std::vector<std::size_t> ends_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  BatchReport total_;
  Status ended_;
};

struct TreeWriter {
  ClientContext& context;
  const FileSettings& settings;
  Failures& failures;
  ProgressMeter& progress;
  WriteReport total{};

  // An error is one that every other file would meet as well.
  Status write(const std::vector<LocalFile>& files);
  Status write_large(const LocalFile& file);
};

Status TreeWriter::write(const std::vector<LocalFile>& files) {
  const auto small_max = std::min(context.options.small_file_bytes, settings.block_size);
  std::vector<SmallFile> small;
  std::vector<const LocalFile*> large;
  std::uint64_t bytes_total = 0;
  for (const auto& file : files) {
    const auto length = length_of(file.local_path);
    if (!length.ok()) {
      failures.note(length.error());
      continue;
    }
    bytes_total += length->value_or(0);
    if (*length && **length <= small_max) {
      small.push_back({&file, **length});
    } else {
      large.push_back(&file);
    }
  }
  progress.set_total(bytes_total, files.size());
  const BatchJob job{context, settings, static_cast<std::size_t>(small_max), failures, progress};
  Batches batches(job, small);
  auto ended = batches.run();
  add_report(total, batches.total().written);
  MDFS_CHECK(std::move(ended));
  large.insert(large.end(), batches.total().large.begin(), batches.total().large.end());
  for (const auto* file : large) {
    auto status = write_large(*file);
    if (status.ok()) continue;
    if (ends_all(status.error().code)) return status;
    failures.note(status.error());
  }
  return {};
}

Status TreeWriter::write_large(const LocalFile& file) {
  MDFS_TRY(auto source, LocalSource::open(file.local_path));
  MDFS_TRY(const auto report, write_one_file(context, file.path, source, settings, progress));
  add_report(total, report);
  return {};
}

}  // namespace

Result<WriteReport> write_tree(ClientContext& context, const std::vector<LocalFile>& files,
                               const FileSettings& settings, const FailureCallback& failed,
                               ProgressMeter& progress) {
  Failures failures(failed);
  TreeWriter writer{context, settings, failures, progress};
  writer.total.copies_wanted = writer.total.copies_min = settings.replication;
  auto written = writer.write(files);
  const auto& total = writer.total;
  if (written.ok()) {
    MDFS_CHECK(failures.result());
    return total;
  }
  auto error = std::move(written).error();
  const auto left = files.size() - total.files - total.kept - failures.count();
  error.message += "; " + std::to_string(left) + " of " + std::to_string(files.size()) +
                   " files were not written";
  return error;
}

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

}  // namespace minidfs::client
