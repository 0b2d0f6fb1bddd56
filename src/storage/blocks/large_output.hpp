// The file of a large replica while it is written, from its first byte to its sync. Used by one
// thread of its disk at a time.
//
//   through the page cache   each append is a write, and writing back begins every 8 MiB
//   past the page cache      appends gather in an aligned buffer that is written when it is full;
//                            space is allocated ahead; the last write is padded, then cut off
//
// A file system that cannot write past the page cache shows it at the first try; then the file goes
// through it.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>

#include "storage/blocks/direct_writes.hpp"
#include "storage/blocks/disk_threads.hpp"

namespace minidfs::storage {

class LargeOutput {
 public:
  struct Options {
    std::string folder;
    std::string name;
    Durability durability = Durability::kSync;
    Readers readers = Readers::kHere;
    DirectWrites* direct = nullptr;
    DiskThreads* threads = nullptr;  // For writing back in the background.
  };
  // Makes the file, which must not exist.
  static Result<std::unique_ptr<LargeOutput>> create(Options options);

  // `promised`: so many bytes of the file system the file may take in all. The bytes may be let go
  // of afterwards.
  Status append(std::span<const std::byte> bytes, std::uint64_t promised);

  // Appends the last bytes and gives the file its length. With Durability::kSync it and its name
  // are then on stable storage.
  Status finish(std::span<const std::byte> last);

  // What it takes of the file system, written or allocated ahead.
  std::uint64_t occupied_bytes() const { return std::max(written_, allocated_); }

  void remove();

 private:
  explicit LargeOutput(Options options)
      : options_(std::move(options)), path_(options_.folder + "/" + options_.name) {}
  Status open();
  Status write_cached(std::span<const std::byte> bytes);
  Status gather(std::span<const std::byte> bytes, std::uint64_t promised);
  void allocate(std::uint64_t promised);
  Status write_gathered(std::size_t bytes);
  Status write_end();
  void write_back();
  bool go_through_cache(const std::string& reason);

  const Options options_;
  const std::string path_;
  std::shared_ptr<UniqueFd> fd_;  // Shared with writing back, which must not keep the rest alive.
  std::uint64_t written_ = 0;     // Bytes of the file.
  std::uint64_t written_back_ = 0;
  std::uint64_t allocated_ = 0;

  // Past the page cache.
  DirectWrites::Buffer buffer_;
  std::size_t gathered_ = 0;  // Bytes of it, which follow those written.
  bool direct_ = false;       // The file is still open for it.
  bool allocates_ = true;     // The file system can.
};

}  // namespace minidfs::storage
