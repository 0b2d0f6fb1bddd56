// Local files as sources of a write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/file.hpp"
#include "client/file_system.hpp"

namespace minidfs::client {

class LocalSource final : public Source {
 public:
  static Result<LocalSource> open(const std::string& path);

  Result<std::size_t> read(std::span<std::byte> buffer) override;
  std::uint64_t size_hint() const override { return length_; }
  int seekable_fd() const override { return file_.get(); }
  std::optional<Attributes> attributes() const override { return attributes_; }

 private:
  LocalSource(UniqueFd file, std::string path, std::uint64_t length,
              std::optional<Attributes> attributes)
      : file_(std::move(file)), path_(std::move(path)), length_(length), attributes_(attributes) {}

  UniqueFd file_;
  std::string path_;
  std::uint64_t length_;
  std::optional<Attributes> attributes_;
};

// The length of a regular file; none for pipes, devices and the like, which are read to their end.
// kIsADirectory for directories.
Result<std::optional<std::uint64_t>> local_length(const std::string& path);

}  // namespace minidfs::client
