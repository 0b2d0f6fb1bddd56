// A real small file system for a test: a tmpfs of a given size, mounted on a directory until the
// object ends. Needs root; where that is missing the test says that it is skipped.
#pragma once

#include <cstdint>
#include <string>

namespace minidfs::test {

class SmallDisk {
 public:
  // Whether this process may mount; false prints why the running test is skipped.
  static bool available();

  // REQUIRES: available(). Makes the directory when it is missing.
  SmallDisk(std::string directory, std::uint64_t size_bytes);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::string& directory() const { return directory_; }
  std::uint64_t free_bytes() const;
  // Takes all space that is left by a file of somebody else's; returns how much that was.
  std::uint64_t fill() const;
  // Removes that file.
  void relieve() const;

 private:
  std::string stranger() const { return directory_ + "/somebody-else"; }

  std::string directory_;
};

}  // namespace minidfs::test
