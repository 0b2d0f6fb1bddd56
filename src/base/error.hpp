// The one error vocabulary of minidfs: a code from a fixed table plus a sentence that names the
// object and the values. Codes travel on the wire and stand in logs: do not renumber.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace minidfs {

enum class Errc : std::uint8_t {
  kInvalidArgument = 1,
  kNotFound = 2,
  kAlreadyExists = 3,
  kNotADirectory = 4,
  kIsADirectory = 5,
  kNotEmpty = 6,
  kPermissionDenied = 7,
  kNoSpace = 8,
  kIoError = 9,
  kCorrupt = 10,  // Bytes that should be ours are not what we wrote.
  kTimedOut = 11,
  kUnavailable = 12,  // The peer cannot be reached or is shutting down.
  kNotLeader = 13,
  kSafeMode = 14,
  kNoDatanode = 15,  // No live datanode can take or give the block.
  kWrongCluster = 16,
  kInUse = 17,     // A directory, port or file is held by another process.
  kProtocol = 18,  // A peer sent bytes that do not follow docs/formats.md.
  kTooLarge = 19,
  kCancelled = 20,
  kStale = 21,    // An older generation of a block, or an outdated view.
  kExpired = 22,  // A write session that the namenode has given up.
  kUnsupported = 23,
  kInternal = 24,
  kBusy = 25,    // More is waiting than can be served in time: ask again later.
  kBehind = 26,  // The datanodes know a later state of the cluster than its namenode.
};

inline constexpr std::uint8_t kErrcMax = 26;

// What the table says about a code.
struct ErrcInfo {
  Errc code;
  std::string_view name;  // Lower case words, e.g. "not found".
  bool retryable;         // The same request may succeed later without a change by the caller.
  int http_status;
  int exit_code;  // Of a command-line verb: 1 for failures, 2 for wrong usage.
};

// The row of `code`; a code outside the table yields the row of kInternal.
const ErrcInfo& errc_info(Errc code);

// True when `value` is a code of the table.
constexpr bool is_errc(std::uint8_t value) { return value >= 1 && value <= kErrcMax; }

struct [[nodiscard]] Error {
  Errc code = Errc::kInternal;
  std::string message;  // A full description without trailing stop, e.g. "/a/b: not found".
};

// Maps errno to a code; `what` names the object and the attempted operation.
// The one place where errno is interpreted.
Error errno_error(int error_number, std::string_view what);

// Stops the process with a message when a programmer's assumption is false. Always on; never used
// on bytes from a socket or a disk.
#define MDFS_ASSERT(condition)                                     \
  do {                                                             \
    if (!(condition)) [[unlikely]] {                               \
      ::minidfs::assertion_failed(#condition, __FILE__, __LINE__); \
    }                                                              \
  } while (false)

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace minidfs
