#include "consensus/log.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>

#include "base/file.hpp"
#include "consensus/log_directory.hpp"
#include "consensus/raft_log.hpp"

namespace minidfs::consensus {
namespace {

// Held as long as the descriptor is open; the kernel drops it when the process dies.
Result<UniqueFd> lock_directory(const std::string& directory) {
  const auto path = directory + "/lock";
  MDFS_TRY(auto fd, open_file(path, O_RDWR | O_CREAT, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return errno_error(errno, path);
  return Error{Errc::kInUse, directory + ": the log is in use by another process"};
}

}  // namespace

Result<bool> Log::exists(const std::string& directory) {
  std::error_code error;
  std::filesystem::directory_iterator at(directory, error);
  if (error == std::errc::no_such_file_or_directory) return false;
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    if (at->path().filename() != "lock") return true;
  }
  if (error) return errno_error(error.value(), directory);
  return false;
}

Result<std::vector<MemberAddress>> Log::others_known(const std::string& directory) {
  return consensus::others_known(directory);
}

Status Log::discard(const std::string& directory) {
  MDFS_TRY(const auto lock, lock_directory(directory));
  return discard_log(directory);
}

Result<std::unique_ptr<Log>> Log::open(LogOptions options, StateMachine& state,
                                       FatalHandler on_fatal) {
  if (options.checkpoint_entries == 0) {
    return Error{Errc::kInvalidArgument, "a checkpoint after every 0 entries"};
  }
  if (options.joining && options.joining->member == 0) {
    return Error{Errc::kInvalidArgument, "a member that joins needs an id"};
  }
  MDFS_TRY(auto lock, lock_directory(options.directory));
  SegmentedLog::Options files;
  files.directory = options.directory;
  files.segment_bytes = options.segment_bytes;
  files.makes_ahead = true;
  MDFS_TRY(auto entries, open_log_directory(files, state, options.joining));
  auto log =
      std::make_unique<RaftLog>(std::move(options), state, std::move(on_fatal), std::move(lock));
  MDFS_CHECK(log->start(std::move(entries)));
  return std::unique_ptr<Log>(std::move(log));
}

}  // namespace minidfs::consensus
