#include "consensus/log.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/file.hpp"
#include "consensus/directory_check.hpp"
#include "consensus/raft_log.hpp"

namespace minidfs::consensus {
namespace {

Status check_options(const LogOptions& options) {
  const auto is_self = [&](const Member& member) { return member.id == options.member_id; };
  if (options.member_id == 0 ||
      (!options.members.empty() &&
       std::none_of(options.members.begin(), options.members.end(), is_self))) {
    return Error{Errc::kInvalidArgument,
                 "member " + std::to_string(options.member_id) + " is not among the members"};
  }
  if (options.snapshot_threshold_entries == 0) {
    return Error{Errc::kInvalidArgument, "the snapshot threshold is 0 entries"};
  }
  return {};
}

// Held as long as the descriptor is open; the kernel drops it when the process dies.
Result<UniqueFd> lock_directory(const std::string& directory) {
  const auto path = directory + "/lock";
  MDFS_TRY(auto fd, open_file(path, O_RDWR | O_CREAT, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return errno_error(errno, path);
  return Error{Errc::kInUse, directory + ": the log is in use by another process"};
}

// What check_directory() found to be safe to mend.
Status mend(const std::string& directory, const DirectoryFacts& facts) {
  for (const auto& path : facts.leftovers) {
    if (::unlink(path.c_str()) != 0) return errno_error(errno, path);
  }
  for (const auto& cut : facts.cuts) {
    MDFS_TRY(const auto fd, open_file(cut.path, O_RDWR));
    if (::ftruncate(fd.get(), static_cast<off_t>(cut.size_bytes)) != 0 || ::fsync(fd.get()) != 0) {
      return errno_error(errno, cut.path);
    }
  }
  if (facts.leftovers.empty() && facts.cuts.empty()) return {};
  return sync_directory(directory);
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

Result<std::unique_ptr<Log>> Log::open(LogOptions options, StateMachine& state,
                                       FatalHandler on_fatal) {
  MDFS_CHECK(check_options(options));
  MDFS_TRY(auto lock, lock_directory(options.directory));
  MDFS_TRY(const auto facts, check_directory(options.directory, state.applied()));
  MDFS_CHECK(mend(options.directory, facts));
  auto log =
      std::make_unique<RaftLog>(std::move(options), state, std::move(on_fatal), std::move(lock));
  MDFS_CHECK(log->start(facts));
  return std::unique_ptr<Log>(std::move(log));
}

}  // namespace minidfs::consensus
