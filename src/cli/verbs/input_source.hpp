// The bytes of a local file or pipe, as the client library wants them.
#pragma once

#include <memory>
#include <string>

#include "base/file.hpp"
#include "client/file_system.hpp"

namespace minidfs::cli {

class InputSource : public client::Source {
 public:
  // Refuses by name what is neither a regular file nor a named pipe, or may not be read. Opens
  // nothing: the writer of a pipe would notice.
  static Status examine(const std::string& path);
  // As examine(), and opens it.
  static Result<std::unique_ptr<InputSource>> open(const std::string& path);
  // Standard input, from where it stands.
  static std::unique_ptr<InputSource> standard_input();

  Result<std::size_t> read(std::span<std::byte> buffer) override;
  std::uint64_t size_hint() const override { return size_bytes_; }
  int seekable_fd() const override { return seekable_ ? fd_ : -1; }
  std::optional<client::Attributes> attributes() const override { return attributes_; }

 private:
  InputSource(UniqueFd owned, int fd, std::string name);

  UniqueFd owned_;
  int fd_;
  std::string name_;
  std::uint64_t size_bytes_ = 0;
  bool seekable_ = false;
  std::optional<client::Attributes> attributes_;
};

}  // namespace minidfs::cli
