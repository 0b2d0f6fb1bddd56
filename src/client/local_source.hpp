// Local files, pipes and standard input as sources of a write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/file.hpp"
#include "client/file_system.hpp"

namespace minidfs::client {

class LocalSource final : public Source {
 public:
  // Refuses by name what is neither a regular file nor a named pipe, or may not be read. Opens
  // nothing: the writer of a pipe would notice.
  static Status examine(const std::string& path);
  // As examine(), and opens it.
  static Result<LocalSource> open(const std::string& path);
  // From where it stands.
  static LocalSource standard_input();

  Result<std::size_t> read(std::span<std::byte> buffer) override;
  std::uint64_t size_hint() const override { return length_; }
  int seekable_fd() const override { return seekable_ ? fd_ : -1; }
  std::optional<Attributes> attributes() const override { return attributes_; }

 private:
  LocalSource(UniqueFd owned, int fd, std::string name);

  UniqueFd owned_;
  int fd_;
  std::string name_;
  std::uint64_t length_ = 0;
  bool seekable_ = false;
  std::optional<Attributes> attributes_;
};

}  // namespace minidfs::client
