// The namespace database's file: its schema, its version, and opening it without harm when it is
// damaged or newer. Format: docs/formats.md, "Namespace database".
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "storage/sqlite.hpp"

namespace minidfs::storage {

inline constexpr std::int64_t kNamespaceVersion = 5;
inline constexpr std::int64_t kNamespaceApplicationId = 0x6D64666E;  // "mdfn"
inline constexpr std::uint32_t kNamespacePageBytes = 2048;

// Opens the database for its one writer, making it when it is missing or empty, and bringing it
// from an earlier version to this one, one transaction for each version. The cost does not depend
// on the size of the namespace. Errors: kCorrupt (with what to do), kUnsupported (written by a
// newer version), kIoError; the file is then left as it is.
Result<Database> open_namespace_writer(const std::string& path, std::uint32_t cache_kib);

// Opens a connection that only reads, to a database that a writer has open.
Result<Database> open_namespace_reader(const std::string& path, std::uint32_t cache_kib);

// The same of one that nobody has open, in this version: what a copy has to be. It is checked as
// open_namespace_writer() does.
Result<Database> open_namespace_copy(const std::string& path, std::uint32_t cache_kib);

// Says what to do about a damaged namespace database.
Error damaged_namespace(const std::string& path, const std::string& why);

}  // namespace minidfs::storage
