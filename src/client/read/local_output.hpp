// A local file that appears under its name when it is whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/result.hpp"

namespace minidfs::client {

// Destroying it before finish() leaves nothing behind.
class LocalOutput {
 public:
  // Creates a temporary file beside `path`.
  static Result<LocalOutput> create(const std::string& path);
  ~LocalOutput();
  LocalOutput(LocalOutput&& other) noexcept;
  LocalOutput& operator=(LocalOutput&&) = delete;

  Status write(std::span<const std::byte> bytes);
  // Thread-safe.
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    return minidfs::write_at(file_.get(), bytes, offset, path_);
  }
  // kAlreadyExists when something has appeared under the name; it is left alone.
  Status finish();

 private:
  LocalOutput(UniqueFd file, std::string path, std::string temporary)
      : file_(std::move(file)), path_(std::move(path)), temporary_(std::move(temporary)) {}

  UniqueFd file_;
  std::string path_;
  std::string temporary_;  // Empty when it is no longer ours.
};

// `directory`/`name`, with exactly one slash between them.
std::string join_path(std::string_view directory, std::string_view name);

// Checks a name that came over the network before it becomes part of a local path: not empty, not
// "." or "..", without slash or zero byte. kProtocol otherwise.
Status check_name(std::string_view name, const std::string& directory);

}  // namespace minidfs::client
