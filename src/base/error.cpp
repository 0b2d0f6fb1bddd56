#include "base/error.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace minidfs {
namespace {

constexpr std::array<ErrcInfo, kErrcMax> kTable{{
    {Errc::kInvalidArgument, "invalid argument", false, 400, 2},
    {Errc::kNotFound, "not found", false, 404, 1},
    {Errc::kAlreadyExists, "already exists", false, 403, 1},
    {Errc::kNotADirectory, "not a directory", false, 403, 1},
    {Errc::kIsADirectory, "is a directory", false, 403, 1},
    {Errc::kNotEmpty, "directory not empty", false, 403, 1},
    {Errc::kPermissionDenied, "permission denied", false, 403, 1},
    {Errc::kNoSpace, "no space left", false, 403, 1},
    {Errc::kIoError, "input/output error", false, 500, 1},
    {Errc::kCorrupt, "corrupt", false, 500, 1},
    {Errc::kTimedOut, "timed out", true, 503, 3},
    {Errc::kUnavailable, "unavailable", true, 503, 3},
    {Errc::kNotLeader, "not the leader", true, 503, 3},
    {Errc::kSafeMode, "in safe mode", true, 403, 1},
    {Errc::kNoDatanode, "no datanode available", true, 503, 1},
    {Errc::kWrongCluster, "wrong cluster", false, 403, 1},
    {Errc::kInUse, "in use", false, 403, 1},
    {Errc::kProtocol, "protocol error", false, 400, 1},
    {Errc::kTooLarge, "too large", false, 400, 1},
    {Errc::kCancelled, "cancelled", false, 500, 1},
    {Errc::kStale, "stale", true, 403, 1},
    {Errc::kExpired, "expired", false, 403, 1},
    {Errc::kUnsupported, "unsupported", false, 400, 2},
    {Errc::kInternal, "internal error", false, 500, 1},
    {Errc::kBusy, "busy", true, 503, 3},
    {Errc::kBehind, "namespace behind its datanodes", false, 403, 1},
}};

constexpr bool table_is_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].code) != i + 1) return false;
  }
  return true;
}
static_assert(table_is_in_order(), "errc_info() indexes the table by code");

Errc errno_code(int error_number) {
  switch (error_number) {
    case ENOENT:
      return Errc::kNotFound;
    case EEXIST:
      return Errc::kAlreadyExists;
    case ENOTDIR:
      return Errc::kNotADirectory;
    case EISDIR:
      return Errc::kIsADirectory;
    case ENOTEMPTY:
      return Errc::kNotEmpty;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
      return Errc::kNoSpace;
    case EINVAL:
    case ENAMETOOLONG:
      return Errc::kInvalidArgument;
    case ETIMEDOUT:
      return Errc::kTimedOut;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENOTCONN:
      return Errc::kUnavailable;
    case EADDRINUSE:
    case EBUSY:
    case EWOULDBLOCK:
      return Errc::kInUse;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      // This process or machine lacks something; no device has failed.
      return Errc::kInternal;
    default:
      return Errc::kIoError;
  }
}

}  // namespace

const ErrcInfo& errc_info(Errc code) {
  const auto value = static_cast<std::uint8_t>(code);
  return is_errc(value) ? kTable[value - 1U]
                        : kTable[static_cast<std::size_t>(Errc::kInternal) - 1U];
}

Error errno_error(int error_number, std::string_view what) {
  return {errno_code(error_number),
          std::string(what) + ": " + std::generic_category().message(error_number)};
}

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "minidfs: assertion failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace minidfs
