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

class TreeReader {
 public:
  TreeReader(ClientContext& context, ProgressMeter& progress, Failures& failures)
      : context_(context), progress_(progress), failures_(failures) {}

  Status read(const std::string& path, const std::string& local_path) {
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < kThreads; ++i) threads.emplace_back([this] { fetch(); });
      auto walked = walk(path, local_path);
      if (!walked.ok()) queue_.fail(std::move(walked).error());
      queue_.end();
    }
    return queue_.result();
  }

 private:
  struct Directory {
    std::string path;
    std::string local_path;
  };

  void fetch() {
    BatchFetcher fetcher(context_, progress_, failures_);
    while (auto batch = queue_.pop()) {
      auto status = fetcher.fetch(*batch);
      if (!status.ok()) queue_.fail(std::move(status).error());
    }
  }

  // A directory that cannot be made or read stops no other one.
  Status walk(const std::string& path, const std::string& local_path) {
    std::vector<Directory> directories{{path, local_path}};
    while (!directories.empty()) {
      const auto directory = std::move(directories.back());
      directories.pop_back();
      if (::mkdir(directory.local_path.c_str(), 0777) != 0) {
        failures_.note(errno_error(errno, directory.local_path));
        continue;
      }
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
    TreeBatch batch{directory.path, directory.local_path, {}};
    for (auto& entry : page.entries) {
      const auto& name = entry.status.name;
      if (const auto possible = check_name(name, directory.path); !possible.ok()) {
        failures_.note(possible.error());
        continue;
      }
      if (entry.status.kind == metadata::FileKind::kDirectory) {
        below.push_back({join_path(directory.path, name), join_path(directory.local_path, name)});
        continue;
      }
      progress_.add_total(entry.status.length, 1);
      batch.files.push_back(std::move(entry));
      if (batch.files.size() == kBatchFiles) {
        if (!queue_.push(std::exchange(batch, {directory.path, directory.local_path, {}}))) {
          return false;
        }
      }
    }
    return batch.files.empty() || queue_.push(std::move(batch));
  }

  ClientContext& context_;
  ProgressMeter& progress_;
  Failures& failures_;
  BatchQueue queue_;
};

}  // namespace

Status read_whole_tree(ClientContext& context, const std::string& path,
                       const std::string& local_path, const ReadOptions& options,
                       ProgressMeter& progress) {
  struct stat existing {};
  const bool exists = ::stat(local_path.c_str(), &existing) == 0;
  if (exists && (!options.overwrite || S_ISDIR(existing.st_mode))) {
    return Error{Errc::kAlreadyExists, local_path + ": already exists"};
  }
  auto located = context.link.call(actors::LocateRequest{path, context.host});
  if (located.ok() && located->status.kind == metadata::FileKind::kFile) {
    progress.add_total(located->status.length, 1);
    MDFS_TRY(auto output,
             LocalOutput::create(context.outputs, local_path,
                                 options.overwrite ? Existing::kReplaced : Existing::kKept));
    return fetch_file(context, path, std::move(output), located->blocks, progress);
  }
  // A directory may be answered as one without blocks or be refused.
  if (!located.ok() && located.error().code != Errc::kIsADirectory) {
    return with_path(std::move(located).error(), path);
  }
  Failures failures(options.failed);
  MDFS_CHECK(TreeReader(context, progress, failures).read(path, local_path));
  return failures.result();
}

}  // namespace minidfs::client
