// A local file that appears under its name when it is whole.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/result.hpp"
#include "client/file_system.hpp"

namespace minidfs::client {

// What becomes of a file that has the name already.
enum class Existing : std::uint8_t {
  kKept,
  kReplaced,
  kNone,  // There is none, as in a directory that was made just now; one that has come is kept.
};

// The hidden names of unfinished outputs, for the one who has to remove them. Thread-safe.
class HiddenNames {
 public:
  // False after remove_all().
  bool add(const std::string& path);
  void forget(const std::string& path);
  // Removes all these files and directories and lets no further one appear.
  void remove_all();

 private:
  std::mutex mutex_;
  bool closed_ = false;
  std::set<std::string> paths_;
};

// Destroying it before finish() leaves nothing behind, nor does the end of the process where the
// file system has files without names (O_TMPFILE). Elsewhere the file has a random hidden name
// beside its own meanwhile. Blocks of zeros become holes.
class LocalOutput {
 public:
  // Links at `path` are followed, also one whose target does not exist yet. `names` outlives it.
  static Result<LocalOutput> create(HiddenNames& names, const std::string& path,
                                    Existing existing = Existing::kKept);
  ~LocalOutput();
  LocalOutput(LocalOutput&& other) noexcept;
  LocalOutput& operator=(LocalOutput&&) = delete;

  // Behind what was written by this function before.
  Status write(std::span<const std::byte> bytes);
  // Thread-safe.
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  // finish() gives the file these.
  void preserve(const Attributes& attributes) { attributes_ = attributes; }
  // kAlreadyExists when something has appeared under the name and shall be kept. A file that is
  // replaced leaves its mode, and its owner where we may, to the new one.
  Status finish();

 private:
  LocalOutput(HiddenNames& names, UniqueFd file, std::string path, Existing existing)
      : names_(names), file_(std::move(file)), path_(std::move(path)), existing_(existing) {}
  Status take_hidden_name();
  Status give_name();

  HiddenNames& names_;
  UniqueFd file_;
  std::string path_;
  std::string hidden_;  // Its present name; empty while it has none, or its own.
  Existing existing_;
  std::optional<Attributes> attributes_;
  std::uint64_t position_ = 0;                 // Of write().
  std::atomic<std::uint64_t> end_{0};          // Holes at the end count.
  std::atomic<std::uint64_t> written_end_{0};  // They do not.
};

// Checks a name that came over the network before it becomes part of a local path: not empty, not
// "." or "..", without slash or zero byte. kProtocol otherwise.
Status check_name(std::string_view name, const std::string& directory);

}  // namespace minidfs::client
