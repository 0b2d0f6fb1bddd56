// The changes of the namespace: each is one entry of the replicated log, applied in order by every
// namenode to the same state, with the same outcome. Everything a change depends on (time, ids,
// names of users) is in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "base/interface_version.hpp"
#include "base/result.hpp"
#include "metadata/block_identity.hpp"
#include "metadata/block_range.hpp"
#include "metadata/epoch.hpp"
#include "metadata/growth_changes.hpp"
#include "metadata/rename_changes.hpp"
#include "metadata/request_id.hpp"
#include "metadata/types.hpp"

namespace minidfs::metadata {

// mkdir; with `parents` also what is missing above it, and an existing directory is no error.
struct MakeDirectory {
  RequestId request;
  std::int64_t time_ms = 0;
  std::string path;
  bool parents = false;
  std::uint16_t permission = 0755;
  std::string owner;
  std::string group;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, MakeDirectory& x) {
  return f(x.request, x.time_ms, x.path, x.parents, x.permission, x.owner, x.group);
}

// A whole file that becomes visible, with all its blocks already written.
struct CommittedFile {
  std::string path;
  bool overwrite = false;  // Replace an existing file; a directory is never replaced.
  bool parents = true;     // Create what is missing above it.
  std::uint16_t permission = 0644;
  std::string owner;
  std::string group;
  std::uint64_t block_size = 0;
  std::uint8_t replication = 0;
  std::string compression;
  std::vector<Block> blocks;  // All of `block_size` but the last.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CommittedFile& x) {
  return f(x.path, x.overwrite, x.parents, x.permission, x.owner, x.group, x.block_size,
           x.replication, x.compression, x.blocks);
}

// Commits files independently of one another: outcome i belongs to file i. Their times are that of
// the change.
struct CommitFiles {
  RequestId request;
  std::int64_t time_ms = 0;
  std::vector<CommittedFile> files;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CommitFiles& x) {
  return f(x.request, x.time_ms, x.files);
}

// rm; a directory that is not empty only with `recursive`. The root is never removed. The subtree
// disappears at once; its blocks are freed by later PurgeRemoved entries.
struct Remove {
  RequestId request;
  std::int64_t time_ms = 0;
  std::string path;
  bool recursive = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Remove& x) {
  return f(x.request, x.time_ms, x.path, x.recursive);
}

// The file has the wanted copies at once; most of a large one's blocks get them with later
// PurgeRemoved entries.
struct SetReplication {
  RequestId request;
  std::int64_t time_ms = 0;
  std::string path;
  std::uint8_t replication = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SetReplication& x) {
  return f(x.request, x.time_ms, x.path, x.replication);
}

// Reserves `count` block ids; the outcome's value is the first of them. Only in logs of before
// BeginLeadership.
struct ReserveBlockIds {
  std::uint64_t count = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ReserveBlockIds& x) {
  return f(x.count);
}

// Frees about `limit` inodes and blocks of removed subtrees, or gives as many blocks the wanted
// copies of their file; the outcome's value is how much was done, 0 when nothing is left.
struct PurgeRemoved {
  std::uint32_t limit = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, PurgeRemoved& x) {
  return f(x.limit);
}

// Decommissions a datanode, sends it into maintenance or takes it back into service, for as long as
// nothing else is decided, whether or not the node runs.
struct SetNodeAdmin {
  RequestId request;
  std::int64_t time_ms = 0;
  NodeAdmin decision;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SetNodeAdmin& x) {
  return f(x.request, x.time_ms, x.decision);
}

// A leadership takes its number and a mark for the blocks that it will grant. Proposed before
// anything is granted, and again, with the same number, when the ids of the mark are used up.
// Refused with kAlreadyExists when blocks have the mark already, with kStale when the number is
// below that of the last leadership.
struct BeginLeadership {
  std::int64_t time_ms = 0;
  LifeId life;  // The namespace begins this life; none: it goes on with the one that it has.
  std::uint64_t number = 0;
  BlockMark mark = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, BeginLeadership& x) {
  return f(x.time_ms, x.life, x.number, x.mark);
}

// Gives up blocks for ever: whatever becomes of their replicas, no file will own them. Those that a
// file owns are left out; the outcome's value is how many were not.
struct RetireBlockIds {
  std::vector<BlockRange> ranges;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RetireBlockIds& x) {
  return f(x.ranges);
}

// A time that is not given.
inline constexpr std::int64_t kKeepTime = INT64_MIN;

// New times and permissions of entries; a field of its kKeep leaves what there is.
struct EntryAttributes {
  static constexpr std::int32_t kKeepPermission = -1;
  static constexpr std::int64_t kKeepTime = metadata::kKeepTime;

  std::string path;
  std::int32_t permission = kKeepPermission;  // 0 to 01777.
  std::int64_t modified_ms = kKeepTime;
  std::int64_t accessed_ms = kKeepTime;  // Of files only.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, EntryAttributes& x) {
  return f(x.path, x.permission, x.modified_ms, x.accessed_ms);
}

// Independently of one another: outcome i belongs to entry i.
struct SetAttributes {
  RequestId request;
  std::int64_t time_ms = 0;
  std::vector<EntryAttributes> entries;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SetAttributes& x) {
  return f(x.request, x.time_ms, x.entries);
}

// Adds blocks to the staged file of a write session: one that has blocks and no name yet, so that a
// file of any length becomes visible by one short CommitStaged. Refused with kExpired when blocks
// must have been staged before and nothing is, with kStale when the position is not the next one.
// The outcome's value is how many blocks are staged then.
struct StageBlocks {
  RequestId request;
  std::int64_t time_ms = 0;
  ClientId client;  // Whose session it is.
  std::uint64_t session = 0;
  std::uint64_t position = 0;    // Of the first block in the file: so many are staged already.
  std::uint64_t block_size = 0;  // Of the file, and the length of every staged block.
  std::uint8_t replication = 0;
  std::uint64_t generation = 0;    // Of all of them.
  std::vector<BlockRange> blocks;  // In the order of the file.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StageBlocks& x) {
  return f(x.request, x.time_ms, x.client, x.session, x.position, x.block_size, x.replication,
           x.generation, x.blocks);
}

// Makes a staged file visible, as CommitFiles does. `file` has the blocks behind the staged ones.
struct CommitStaged {
  RequestId request;
  std::int64_t time_ms = 0;
  ClientId client;
  std::uint64_t session = 0;
  std::uint64_t staged = 0;  // Blocks: all of its session.
  CommittedFile file;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CommitStaged& x) {
  return f(x.request, x.time_ms, x.client, x.session, x.staged, x.file);
}

// Gives up the staged file of a session that is over; nothing happens when there is none. Many
// blocks are freed by later PurgeRemoved entries.
struct DropStaged {
  std::uint64_t session = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, DropStaged& x) {
  return f(x.session);
}

// The namespace begins another life, on the word of an operator who takes it as it is although
// datanodes know a later state: whatever they know of its lives until then, and of `lives`, is
// given up, and so are the blocks with `marks`, which no file will own. Also a leadership, with the
// rules of BeginLeadership.
struct BeginLife {
  std::int64_t time_ms = 0;
  LifeId life;  // Not none.
  std::uint64_t number = 0;
  BlockMark mark = 0;
  std::vector<LifeId> lives;
  std::vector<BlockMark> marks;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, BeginLife& x) {
  return f(x.time_ms, x.life, x.number, x.mark, x.lives, x.marks);
}

// Times that a file has had elsewhere; kKeepTime gives it that of the change.
struct FileTimes {
  std::int64_t modified_ms = kKeepTime;
  std::int64_t accessed_ms = kKeepTime;

  friend bool operator==(const FileTimes&, const FileTimes&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, FileTimes& x) {
  return f(x.modified_ms, x.accessed_ms);
}

// Makes files visible with times of their own: as CommitFiles does or, when `staged` is not 0, as
// CommitStaged does with the one file.
struct CommitDated {
  RequestId request;
  std::int64_t time_ms = 0;
  ClientId client;  // Of staged files only, and so on.
  std::uint64_t session = 0;
  std::uint64_t staged = 0;
  std::vector<CommittedFile> files;
  std::vector<FileTimes> times;  // Of each file.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CommitDated& x) {
  return f(x.request, x.time_ms, x.client, x.session, x.staged, x.files, x.times);
}

// Changes nothing: names a state, so that all namenodes can be asked what they hold in it.
struct MarkNamespace {
  std::uint64_t mark = 0;  // Random.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, MarkNamespace& x) {
  return f(x.mark);
}

// Another owner or group of an entry; an empty name leaves what there is.
struct EntryOwner {
  std::string path;
  std::string owner;
  std::string group;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, EntryOwner& x) {
  return f(x.path, x.owner, x.group);
}

// Independently of one another: outcome i belongs to entry i. Of version 2.
struct SetOwner {
  RequestId request;
  std::int64_t time_ms = 0;
  std::vector<EntryOwner> entries;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SetOwner& x) {
  return f(x.request, x.time_ms, x.entries);
}

// The alternative's index plus one is the first byte of an entry: only append.
using Change =
    std::variant<MakeDirectory, CommitFiles, Rename, Remove, SetReplication, ReserveBlockIds,
                 PurgeRemoved, SetNodeAdmin, BeginLeadership, RetireBlockIds, SetAttributes,
                 StageBlocks, CommitStaged, DropStaged, BeginLife, CommitDated, MarkNamespace,
                 SetOwner, AppendBlocks, ConcatFiles, RenameExactly>;

// The version of the interface that has brought this kind of change. It is proposed only when all
// members of the log know that.
InterfaceVersion known_since(const Change& change);
// kUnsupported when they do not.
Status check_known(const Change& change, InterfaceVersion known_by_all);

// An entry of the log: a change, and the cluster time when it was proposed (see
// namespace_times.hpp); 0 when it carries none.
struct LogEntry {
  Change change;
  std::int64_t cluster_ms = 0;
};

// `known_by_all`: a version that all members of the log know; entries are written in its form.
std::string encode_change(const Change& change, std::int64_t cluster_ms = 0,
                          InterfaceVersion known_by_all = own_versions().oldest);
// kUnsupported for a kind of a newer version, kCorrupt for what encode_change() would not write.
Result<LogEntry> decode_entry(std::string_view entry);
// The mark of a MarkNamespace; nothing, at the cost of a byte, of any other entry.
std::optional<std::uint64_t> mark_of(std::string_view entry);
// The change alone.
Result<Change> decode_change(std::string_view entry);

// How one change (or one file of a commit) ended.
struct Outcome {
  std::uint8_t code = 0;    // 0 is success, else an Errc.
  std::string message;      // Empty on success.
  std::uint64_t value = 0;  // The inode's id, or as the change says. See also forgotten().

  bool ok() const { return code == 0; }
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Outcome& x) {
  return f(x.code, x.message, x.value);
}

struct ChangeReply {
  // One, but for CommitFiles, CommitDated, SetAttributes and SetOwner one for each file.
  std::vector<Outcome> outcomes;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ChangeReply& x) {
  return f(x.outcomes);
}

// The answer to a request that was not looked at, because nobody knows any more whether it was done
// before: its client, or its place among the client's requests, was forgotten. Whoever asks for the
// first time may ask again under another client id.
ChangeReply forgotten(const RequestId& request);
bool is_forgotten(const ChangeReply& reply);

// The outcome as a Result holding its value.
Result<std::uint64_t> to_result(const Outcome& outcome);

}  // namespace minidfs::metadata
