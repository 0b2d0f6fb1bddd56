// A consistent copy of the namespace's database, made in small steps while the namenode goes on. It
// reads one state over a connection of its own, as a reader of another process would: changes are
// held up by nothing, and the write-ahead log grows until the last step. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"
#include "metadata/epoch.hpp"
#include "storage/sqlite.hpp"

struct sqlite3_backup;

namespace minidfs::storage {

class NamespaceBackup {
 public:
  // Begins to copy the database at `path`, as it is now, into a new file at `copy_path`; one that a
  // crash has left there is replaced. kNoSpace when less than `free_min_bytes` would stay free.
  static Result<std::unique_ptr<NamespaceBackup>> begin(const std::string& path,
                                                        const std::string& copy_path,
                                                        std::uint64_t free_min_bytes);
  ~NamespaceBackup();
  NamespaceBackup(const NamespaceBackup&) = delete;
  NamespaceBackup& operator=(const NamespaceBackup&) = delete;

  // Copies at most `pages` more. Once the copy is whole its file has no name any more: it goes with
  // this object, or the process. After an error the copy is of no use.
  Status step(int pages);
  bool is_whole() const { return static_cast<bool>(copy_); }

  std::uint64_t bytes() const { return bytes_; }
  // The last change that is in the copy, and the life that it belongs to.
  std::uint64_t change() const { return change_; }
  const metadata::LifeId& life() const { return life_; }

  // At most `count` bytes from `offset` on. REQUIRES: is_whole().
  Result<std::string> read(std::uint64_t offset, std::size_t count) const;

 private:
  NamespaceBackup() = default;
  Status open(const std::string& path, const std::string& copy_path);
  Status finish();

  std::string copy_path_;
  Database source_;
  Database target_;
  sqlite3_backup* copying_ = nullptr;
  UniqueFd copy_;  // The whole one.
  std::uint64_t bytes_ = 0;
  std::uint64_t change_ = 0;
  metadata::LifeId life_;
};

}  // namespace minidfs::storage
