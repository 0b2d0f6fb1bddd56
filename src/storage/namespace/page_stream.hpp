// Reads all pages of a database as one read transaction shows them, whatever is committed
// meanwhile, and without a second copy on the disk: SQLite's online backup copies into a database
// whose file is this object. Belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "storage/sqlite.hpp"

struct sqlite3_backup;

namespace minidfs::storage {

class PageStream {
 public:
  // `source` has a read transaction open. It must outlive this, and is used for nothing else.
  static Result<std::unique_ptr<PageStream>> open(Database& source);
  ~PageStream();
  PageStream(const PageStream&) = delete;
  PageStream& operator=(const PageStream&) = delete;

  std::uint32_t page_bytes() const { return page_bytes_; }
  std::uint64_t pages() const { return pages_; }

  // The next pages, as many as `bytes_max` holds: of each its number (from 1, as a u32) and its
  // bytes. Each comes once, roughly in order, the first one last: it is changed to say that there
  // is no write-ahead log. The page that SQLite leaves empty for its locks does not come. Empty at
  // the end.
  Result<std::string> next(std::size_t bytes_max);

 private:
  // SQLite's virtual file system and file of the destination.
  struct Files;

  PageStream() = default;
  Status begin(Database& source);
  Status step();
  Status finish();
  int write(const void* bytes, std::int64_t count, std::int64_t offset);
  int read(void* bytes, std::int64_t count, std::int64_t offset) const;
  std::size_t record_bytes() const { return sizeof(std::uint32_t) + page_bytes_; }

  std::uint32_t page_bytes_ = 0;
  std::uint64_t pages_ = 0;
  std::unique_ptr<Files> files_;
  Database target_;
  sqlite3_backup* copying_ = nullptr;  // None at the end.
  std::string first_page_;             // As it was written last.
  std::int64_t target_bytes_ = 0;      // How large a real file would be.
  std::string written_;                // Records that were not taken yet begin at taken_.
  std::size_t taken_ = 0;
};

}  // namespace minidfs::storage
