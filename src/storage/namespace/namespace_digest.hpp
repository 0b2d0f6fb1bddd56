// A digest of a whole namespace as it was at one moment, read over a connection of its own while
// the namenode goes on: two databases with the same contents have the same one, however their pages
// lie and whatever version made them. Used by one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/checksum.hpp"
#include "base/result.hpp"
#include "storage/sqlite.hpp"

namespace minidfs::storage {

class NamespaceDigest {
 public:
  // Holds on to the database at `path` as it is now: what was committed last.
  static Result<std::unique_ptr<NamespaceDigest>> begin(const std::string& path);

  // The last change that is in it.
  std::uint64_t number() const { return number_; }

  // Reads everything. kCancelled soon after `cancelled` was set.
  Result<Checksum> compute(const std::atomic<bool>& cancelled);

 private:
  NamespaceDigest() = default;
  Status add_table(const std::string& table, const std::atomic<bool>& cancelled);
  void add(std::string_view bytes);
  void add_number(std::uint64_t value);
  void fold();

  Database database_;
  std::uint64_t number_ = 0;
  Checksum sum_ = 0;
  std::string buffer_;  // What is not in `sum_` yet.
};

}  // namespace minidfs::storage
