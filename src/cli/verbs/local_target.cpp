#include "cli/verbs/local_target.hpp"

#include <sys/stat.h>

#include <cerrno>

namespace minidfs::cli {

Result<LocalTarget> examine_local_target(const std::string& operand, std::size_t source_count) {
  LocalTarget local;
  local.target.path = operand;
  local.target.many_sources = source_count > 1;
  if (operand.empty()) return Error{Errc::kInvalidArgument, "an empty local path"};
  if (operand == "-") {
    local.is_stream = true;
    return local;
  }
  while (local.target.path.size() > 1 && local.target.path.back() == '/') {
    local.target.path.pop_back();
    local.target.into = true;
  }
  struct stat status {};
  if (::stat(local.target.path.c_str(), &status) != 0) {
    if (errno != ENOENT) return errno_error(errno, operand);
  } else if (S_ISDIR(status.st_mode)) {
    local.target.state = TargetState::kDirectory;
  } else {
    local.target.state = TargetState::kFile;
    local.is_stream = !S_ISREG(status.st_mode);
  }
  return local;
}

}  // namespace minidfs::cli
