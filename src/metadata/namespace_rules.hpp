// The rules of the namespace: what each change does and when it is refused, with HDFS's semantics.
// Pure: everything a rule depends on is in the change and the table, so every namenode that applies
// the same changes in the same order arrives at the same table and the same outcomes.
#pragma once

#include <string_view>

#include "metadata/block_limits.hpp"
#include "metadata/changes.hpp"
#include "metadata/namespace_table.hpp"

namespace minidfs::metadata {

inline constexpr std::uint16_t kPermissionMax = 01777;
inline constexpr std::size_t kCompressionBytesMax = 32;
inline constexpr std::size_t kUserNameBytesMax = 255;
inline constexpr std::uint64_t kFileLengthMax = 1ULL << 62;

// Applies `change` to `table`. A change that the rules refuse leaves the table as it was and yields
// an outcome with an error; the Error of the Result is the table's own failure.
Result<ChangeReply> apply_change(NamespaceTable& table, const Change& change);

// The single rules, for callers that have one kind of change.
Result<Outcome> apply(NamespaceTable& table, const MakeDirectory& change);
// `staged`: what is staged of the file, its first blocks; null when all are with it.
Result<Outcome> commit_file(NamespaceTable& table, const CommittedFile& file,
                            const StagedFile* staged, std::int64_t time_ms,
                            const FileTimes& times = {});
Result<Outcome> apply(NamespaceTable& table, const Rename& change);
Result<Outcome> apply(NamespaceTable& table, const RenameExactly& change);
Result<Outcome> apply(NamespaceTable& table, const Remove& change);
Result<Outcome> apply(NamespaceTable& table, const SetReplication& change);
Result<Outcome> set_attributes(NamespaceTable& table, const EntryAttributes& entry);
Result<Outcome> set_owner(NamespaceTable& table, const EntryOwner& entry);

// The request a change belongs to; nullptr for changes without one.
const RequestId* request_of(const Change& change);
// The time at which a change was proposed; 0 for changes without one.
std::int64_t time_of(const Change& change);
// Gives it another one; nothing happens to changes without one.
void set_time(Change& change, std::int64_t time_ms);

Outcome failure(Errc code, std::string message);
Outcome failure(const Error& error);

}  // namespace minidfs::metadata
