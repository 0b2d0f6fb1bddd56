#include "client/read/tree_reader.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/path.hpp"
#include "client/local_attributes.hpp"
#include "client/read/file_reader.hpp"
#include "client/read/tree_batch.hpp"

namespace minidfs::client {
namespace {

constexpr std::size_t kThreads = 3;
constexpr std::size_t kBatchFiles = 128;
// Batches found and not begun: keeps the walk ahead without holding a whole tree in memory.
constexpr std::size_t kQueuedMax = 16;

// Hands batches from the walk to the fetching threads. Thread-safe.
class BatchQueue {
 public:
  // False when fetching has stopped.
  bool push(TreeBatch batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ || batches_.size() < kQueuedMax; });
    if (error_) return false;
    batches_.push_back(std::move(batch));
    changed_.notify_all();
    return true;
  }

  // None when there will be no more.
  std::optional<TreeBatch> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ || ended_ || !batches_.empty(); });
    if (error_ || batches_.empty()) return std::nullopt;
    auto batch = std::move(batches_.front());
    batches_.pop_front();
    changed_.notify_all();
    return batch;
  }

  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  // The first error stays; what waits is dropped.
  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    changed_.notify_all();
  }

  Status result() {
    const std::lock_guard lock(mutex_);
    return error_ ? Status(*error_) : Status();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<TreeBatch> batches_;
  bool ended_ = false;
  std::optional<Error> error_;
};

// A link to nowhere does not exist in this sense.
bool exists_as_file(const std::string& local_path) {
  struct stat status {};
  return ::stat(local_path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode);
}

class TreeReader {
 public:
  TreeReader(ClientContext& context, const ReadOptions& options, ProgressMeter& progress,
             Failures& failures)
      : context_(context), options_(options), progress_(progress), failures_(failures) {}

  Status read(const std::string& path, const std::string& local_path) {
    Directory root{path, local_path, {}, Existing::kNone};
    if (options_.preserve) {
      auto status = context_.link.call(actors::StatRequest{path});
      if (!status.ok()) return with_path(std::move(status).error(), path);
      root.attributes = attributes_of(*status);
    }
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < kThreads; ++i) threads.emplace_back([this] { fetch(); });
      auto walked = walk(std::move(root));
      if (!walked.ok()) queue_.fail(std::move(walked).error());
      queue_.end();
    }
    preserve_directories();
    return queue_.result();
  }

 private:
  struct Directory {
    std::string path;
    std::string local_path;
    Attributes attributes;
    Existing existing;  // Of the files that it will get.
  };

  // After all that changes them, those below first: they may become closed to us.
  void preserve_directories() {
    if (!options_.preserve) return;
    for (auto directory = made_.rbegin(); directory != made_.rend(); ++directory) {
      const auto set = set_local_attributes(directory->local_path, directory->attributes);
      if (!set.ok()) failures_.note(set.error());
    }
  }

  Status make(Directory& directory) const {
    if (::mkdir(directory.local_path.c_str(), 0777) == 0) return {};
    const int problem = errno;
    struct stat existing {};
    const bool merges = problem == EEXIST && (options_.keep_existing || options_.overwrite) &&
                        ::stat(directory.local_path.c_str(), &existing) == 0 &&
                        S_ISDIR(existing.st_mode);
    if (!merges) return errno_error(problem, directory.local_path);
    directory.existing = options_.overwrite ? Existing::kReplaced : Existing::kKept;
    return {};
  }

  void fetch() {
    BatchFetcher fetcher(context_, options_, progress_, failures_);
    while (auto batch = queue_.pop()) {
      auto status = fetcher.fetch(*batch);
      if (!status.ok()) queue_.fail(std::move(status).error());
    }
  }

  // A directory that cannot be made or read stops no other one.
  Status walk(Directory root) {
    std::vector<Directory> directories;
    directories.push_back(std::move(root));
    while (!directories.empty()) {
      auto directory = std::move(directories.back());
      directories.pop_back();
      if (const auto made = make(directory); !made.ok()) {
        failures_.note(made.error());
        continue;
      }
      if (options_.preserve) made_.push_back(directory);
      const auto goes_on = walk_pages(directory, directories);
      if (goes_on.ok() && !*goes_on) break;
      if (goes_on.ok()) continue;
      if (ends_all(goes_on.error().code)) return goes_on.error();
      failures_.note(goes_on.error());
    }
    return {};
  }

  Result<bool> walk_pages(const Directory& directory, std::vector<Directory>& below) {
    actors::LocateDirectoryRequest request;
    request.path = directory.path;
    request.reader_host = context_.host;
    for (;;) {
      auto page = context_.link.call(request);
      if (!page.ok()) return with_path(std::move(page).error(), directory.path);
      if (page->entries.empty()) return true;
      request.start_after = page->entries.back().status.name;
      const bool more = page->more;
      const bool goes_on = take_page(directory, std::move(*page), below);
      if (!goes_on || !more) return goes_on;
    }
  }

  // False when fetching has stopped.
  bool take_page(const Directory& directory, actors::LocateDirectoryReply page,
                 std::vector<Directory>& below) {
    const TreeBatch empty{directory.path, directory.local_path, directory.existing, {}};
    TreeBatch batch = empty;
    for (auto& entry : page.entries) {
      const auto& name = entry.status.name;
      if (const auto possible = check_name(name, directory.path); !possible.ok()) {
        failures_.note(possible.error());
        continue;
      }
      if (entry.status.kind == metadata::FileKind::kDirectory) {
        below.push_back({join_path(directory.path, name), join_path(directory.local_path, name),
                         attributes_of(entry.status), Existing::kNone});
        continue;
      }
      if (is_kept(join_path(directory.local_path, name))) continue;
      progress_.add_total(entry.status.length, 1);
      batch.files.push_back(std::move(entry));
      if (batch.files.size() == kBatchFiles) {
        if (!queue_.push(std::exchange(batch, empty))) return false;
      }
    }
    return batch.files.empty() || queue_.push(std::move(batch));
  }

  // A directory where a file is to be is told of when the file cannot be made.
  bool is_kept(const std::string& local_path) const {
    return options_.keep_existing && exists_as_file(local_path);
  }

  ClientContext& context_;
  const ReadOptions& options_;
  ProgressMeter& progress_;
  Failures& failures_;
  BatchQueue queue_;
  std::vector<Directory> made_;  // Each before those below it.
};

}  // namespace

Status read_whole_tree(ClientContext& context, const std::string& path,
                       const std::string& local_path, const ReadOptions& options,
                       ProgressMeter& progress) {
  struct stat existing {};
  const bool exists = ::stat(local_path.c_str(), &existing) == 0;
  const bool is_directory = exists && S_ISDIR(existing.st_mode);
  if (exists && !options.keep_existing && !options.overwrite) {
    return Error{Errc::kAlreadyExists, local_path + ": already exists"};
  }
  auto located = locate_page(context, path, 0);
  if (located.ok() && located->status.kind == metadata::FileKind::kFile) {
    if (is_directory) return Error{Errc::kIsADirectory, local_path + ": is a directory"};
    if (exists && options.keep_existing && !options.overwrite) return {};
    progress.add_total(located->status.length, 1);
    MDFS_TRY(auto output,
             LocalOutput::create(context.outputs, local_path,
                                 options.overwrite ? Existing::kReplaced : Existing::kKept));
    if (options.preserve) output.preserve(attributes_of(located->status));
    return fetch_file(context, path, std::move(output), *located, options, progress);
  }
  // A directory may be answered as one without blocks or be refused.
  if (!located.ok() && located.error().code != Errc::kIsADirectory) {
    return with_path(std::move(located).error(), path);
  }
  Failures failures(options.failed);
  MDFS_CHECK(TreeReader(context, options, progress, failures).read(path, local_path));
  return failures.result();
}

}  // namespace minidfs::client
