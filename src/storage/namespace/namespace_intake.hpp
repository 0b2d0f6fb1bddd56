// Takes in the copy of another namenode's namespace (NamespaceCopy), into a file beside the
// database that it is to replace, and checks it. The database goes on; NamespaceStore::install()
// then takes the copy over. The file goes with this object; what a crash leaves of it is removed by
// the next start. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/namespace/copy_format.hpp"
#include "storage/sqlite.hpp"

namespace minidfs::storage {

class NamespaceIntake {
 public:
  // In the place of the database at `path`, which belongs to `cluster`. What came of another intake
  // for it is dropped.
  static Result<std::unique_ptr<NamespaceIntake>> begin(const std::string& path, ClusterId cluster);
  ~NamespaceIntake();
  NamespaceIntake(const NamespaceIntake&) = delete;
  NamespaceIntake& operator=(const NamespaceIntake&) = delete;

  // All errors leave the database as it is, and this of no use: kCorrupt (not what NamespaceCopy
  // gives), kWrongCluster, kUnsupported (of another version), kNoSpace, kIoError.
  Status take(std::string_view piece);
  // All was taken: that it is whole, and durable, and a namespace's database, and that there is
  // room to install it.
  Status finish();

  // REQUIRES, both: finish() was ok.
  std::uint64_t applied() const { return header_.applied; }
  Database& database() { return database_; }

  // Removes what a crash has left of one.
  static Status clean_up(const std::string& path);

 private:
  enum class Step : std::uint8_t { kHeader, kPages, kEnded, kWhole };

  explicit NamespaceIntake(ClusterId cluster) : cluster_(cluster) {}
  Status take(const CopyHeader& header);
  Status take(const CopyPages& pages);
  Status take(const CopyEnd& end);
  Status check_room() const;
  Status check_pages() const;
  Status check_database();
  Error corrupt(const std::string& why) const;

  const ClusterId cluster_;
  std::string path_;  // Of the file that is written.
  UniqueFd file_;
  CopyDecoder decoder_;
  Step step_ = Step::kHeader;
  CopyHeader header_;
  Checksum sum_ = 0;  // As the sender says.
  Database database_;
};

}  // namespace minidfs::storage
