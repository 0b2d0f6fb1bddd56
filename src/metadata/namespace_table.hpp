// What the namespace's rules need of a store of directory entries. Storage implements it on SQLite,
// tests in memory. Not thread-safe.
//
// An Error returned by a function here means that the store itself failed (a disk, a damaged file);
// the rules pass it on and decide nothing further.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "metadata/block_identity.hpp"
#include "metadata/changes.hpp"
#include "metadata/epoch.hpp"
#include "metadata/types.hpp"

namespace minidfs::metadata {

inline constexpr InodeId kRootInode{1};

// What stands under a name; a none `id` when nothing does.
struct Found {
  InodeId id;
  FileKind kind = FileKind::kFile;
  std::uint64_t length = 0;  // 0 for directories.

  bool exists() const { return id != InodeId{}; }
  bool is_directory() const { return exists() && kind == FileKind::kDirectory; }
};

// The place of an entry: a directory and a name in it.
struct Place {
  InodeId parent;
  std::string_view name;
};

struct DirectoryInfo {
  std::uint16_t permission = 0;
  std::string group;
  std::uint32_t children = 0;
};

// A file that is being written: it has blocks, all of the full size, and no name.
struct StagedFile {
  std::uint64_t session = 0;
  ClientId client;  // Whose session it is.
  InodeId id;
  std::uint64_t blocks = 0;
  std::uint64_t block_size = 0;
  std::uint8_t replication = 0;
};

// A file as changes of its blocks need to know it.
struct FileInfo {
  InodeId id;
  InodeId parent;  // The directory that it is in.
  std::uint64_t length = 0;
  std::uint64_t block_size = 0;  // No block is longer.
  std::uint8_t replication = 0;
  std::uint64_t blocks = 0;  // How many it has.
};

class NamespaceTable {
 public:
  virtual ~NamespaceTable() = default;

  virtual Result<Found> find(Place place) = 0;
  // REQUIRES: `id` is a directory that find() has shown.
  virtual Result<DirectoryInfo> directory(InodeId id) = 0;
  // Nothing when no path leads to a file with this id.
  virtual Result<std::optional<FileInfo>> file(InodeId id) = 0;
  virtual Result<bool> owns(BlockId block) = 0;

  // Takes the next inode id for ever.
  virtual InodeId take_inode_id() = 0;
  // All block ids below it were given out by a counter.
  virtual std::uint64_t block_id_bound() const = 0;
  virtual void set_block_id_bound(std::uint64_t bound) = 0;

  // The number of the last leadership; 0 before the first one.
  virtual std::uint64_t leadership() const = 0;
  virtual Result<bool> uses_mark(BlockMark mark) = 0;
  // Notes a leadership with its mark. A none `epoch.life` leaves the life as it is.
  virtual Status begin_leadership(const Epoch& epoch, BlockMark mark) = 0;
  // The mark belongs to blocks of a state of the cluster that was given up.
  virtual Result<bool> gave_up_mark(BlockMark mark) = 0;
  // What was known of the namespace's earlier lives and of the given ones counts no more, nor do
  // blocks with the given marks.
  virtual Status give_up(std::span<const LifeId> lives, std::span<const BlockMark> marks) = 0;
  virtual Result<bool> is_retired(BlockId block) = 0;
  // REQUIRES: no file owns a block from `first` to `last`.
  virtual Status retire(BlockId first, BlockId last) = 0;
  // The first block from `first` to `last` that a file owns.
  virtual Result<std::optional<BlockId>> first_owned(BlockId first, BlockId last) = 0;

  // REQUIRES: nothing stands at (parent, entry.name). `blocks` become the file's.
  virtual Status insert(InodeId parent, const FileStatus& entry, std::span<const Block> blocks) = 0;
  virtual Result<std::optional<StagedFile>> staged(std::uint64_t session) = 0;
  // The blocks become the file's, behind the `file.blocks` that it has; with 0 of them it begins.
  virtual Status stage(const StagedFile& file, std::span<const Block> blocks) = 0;
  // The staged file gets a name, and `rest` as its last blocks. REQUIRES: nothing stands at
  // (parent, entry.name), and entry.id is the file's.
  virtual Status insert_staged(InodeId parent, const FileStatus& entry, const StagedFile& file,
                               std::span<const Block> rest) = 0;
  virtual Status drop_staged(const StagedFile& file) = 0;

  // `blocks` become the last ones of the file. `file` is what file() says of it.
  virtual Status append(const FileInfo& file, std::span<const Block> blocks,
                        std::int64_t time_ms) = 0;
  // The blocks of `source` become the last ones of `target`, with its wanted copies, and `source`,
  // which stands at `place`, disappears. Both are what file() says of them; `target` becomes what
  // it will say.
  virtual Status take_over(FileInfo& target, Place place, const FileInfo& source,
                           std::int64_t time_ms) = 0;

  // Makes an entry disappear, with all that is below it. `found` is what find() says of `place`.
  virtual Status unlink(Place place, const Found& found) = 0;
  // REQUIRES: nothing stands at `to`, and `to` is not below `from`.
  virtual Status move(Place from, Place to, const Found& found) = 0;
  // Sets the wanted copies of the file and of all its blocks; of most of a large one's in purge().
  virtual Status set_replication(Place place, const Found& found, std::uint8_t replication) = 0;
  // Sets what `attributes` does not keep. `found` is what find() says of the entry.
  virtual Status set_attributes(Place place, const Found& found,
                                const EntryAttributes& attributes) = 0;
  // The same of its owner and group.
  virtual Status set_owner(Place place, const Found& found, const EntryOwner& owner) = 0;
  // Records a change in the entries of `id`: its time and by how much their number changed.
  virtual Status touch_directory(InodeId id, std::int32_t children_delta, std::int64_t time_ms) = 0;

  // In service means that nothing is kept of the node.
  virtual Status set_node_admin(const NodeAdmin& decision) = 0;

  // Does at most `limit` steps (an inode or block each) of what unlink(), drop_staged() and
  // set_replication() left undone; returns how many.
  virtual Result<std::uint64_t> purge(std::uint32_t limit) = 0;
};

}  // namespace minidfs::metadata
