// The checksum of a whole file, made piece by piece: XXH3-128, which `xxhsum -H2` prints as well.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace minidfs {

class FileChecksum {
 public:
  FileChecksum();
  ~FileChecksum();
  FileChecksum(FileChecksum&&) noexcept;
  FileChecksum& operator=(FileChecksum&&) noexcept;

  void update(std::span<const std::byte> bytes);

  // Of all bytes so far: 32 hexadecimal digits, the canonical big-endian form.
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minidfs
