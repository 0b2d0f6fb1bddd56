// A copy of the namespace's database for another namenode, read piece by piece from one read
// transaction while the namenode goes on; the write-ahead log grows until it ends. Nothing of it is
// on the disk. Taken in by NamespaceIntake. Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/namespace/copy_format.hpp"
#include "storage/namespace/page_stream.hpp"
#include "storage/sqlite.hpp"

namespace minidfs::storage {

class NamespaceCopy {
 public:
  // Of the database at `path` as it was committed last; a store has it open.
  static Result<std::unique_ptr<NamespaceCopy>> begin(const std::string& path, ClusterId cluster);

  // The last entry that is in it.
  std::uint64_t applied() const { return header_.applied; }

  // The next piece; empty at the end. After an error the copy is of no use.
  // REQUIRES: bytes_max >= kCopyPieceMaxBytes.
  Result<std::string> next(std::size_t bytes_max);

 private:
  enum class Step : std::uint8_t { kHeader, kPages, kEnded };

  NamespaceCopy() = default;
  Status open(const std::string& path, ClusterId cluster);
  Result<std::string> next_pages();

  Database source_;
  std::unique_ptr<PageStream> pages_;
  CopyEncoder encoder_;
  CopyHeader header_;
  Step step_ = Step::kHeader;
  Checksum sum_ = 0;
};

}  // namespace minidfs::storage
