// MD5 (RFC 1321), which HDFS's checksums of files are made with. It proves nothing, and nothing of
// minidfs's own rests on it.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>

namespace minidfs::auth {

// Is given bytes in pieces of any size. Not thread-safe; nothing of it fails.
class Md5 {
 public:
  using Digest = std::array<std::byte, 16>;

  Md5();
  ~Md5();
  Md5(Md5&&) noexcept;
  Md5& operator=(Md5&&) noexcept;

  void add(std::span<const std::byte> bytes);
  // Of what was added since the last one.
  Digest take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minidfs::auth
