// The namespace's entries and blocks in SQLite, as the rules want them (metadata::NamespaceTable).
// Used by the writer only, inside its transaction.
//
// Directories that were met are remembered, so that a path costs no query for each component; what
// changes in them (time, number of entries) is written once per batch, by flush().
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metadata/namespace_effects.hpp"
#include "metadata/namespace_table.hpp"
#include "storage/namespace/namespace_names.hpp"
#include "storage/namespace/namespace_view.hpp"
#include "storage/sqlite.hpp"

namespace minidfs::storage {

// What the whole namespace holds. Entries of removed subtrees count until they are purged.
struct NamespaceCounters {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;  // With the root.
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;  // The sum of all files' lengths.

  friend bool operator==(const NamespaceCounters&, const NamespaceCounters&) = default;
};

// A block as the block map needs to know it.
struct OwnedBlock {
  BlockId id;
  std::uint64_t generation = 0;
  std::uint64_t length = 0;
  std::uint8_t replication = 0;

  friend bool operator==(const OwnedBlock&, const OwnedBlock&) = default;
};

using metadata::BlockEffect;
using metadata::NamespaceEffects;

// The numbers of the state row that the tree advances.
struct TreeState {
  std::uint64_t next_inode = 0;
  std::uint64_t next_block = 0;
  metadata::Epoch epoch;  // Written when it changes; the rest with each batch.
  NamespaceCounters counters;
};

class NamespaceTree final : public metadata::NamespaceTable {
 public:
  static Result<std::unique_ptr<NamespaceTree>> open(Database& database, NamespaceView& view,
                                                     const TreeState& state);

  Result<metadata::Found> find(metadata::Place place) override;
  Result<metadata::DirectoryInfo> directory(InodeId id) override;
  Result<std::optional<metadata::FileInfo>> file(InodeId id) override;
  Result<bool> owns(BlockId block) override;
  InodeId take_inode_id() override { return InodeId{state_.next_inode++}; }
  std::uint64_t block_id_bound() const override { return state_.next_block; }
  void set_block_id_bound(std::uint64_t bound) override { state_.next_block = bound; }
  std::uint64_t leadership() const override { return state_.epoch.leadership; }
  Result<bool> uses_mark(metadata::BlockMark mark) override;
  Status begin_leadership(const metadata::Epoch& epoch, metadata::BlockMark mark) override;
  Result<bool> gave_up_mark(metadata::BlockMark mark) override;
  Status give_up(std::span<const metadata::LifeId> lives,
                 std::span<const metadata::BlockMark> marks) override;
  Result<bool> is_retired(BlockId block) override;
  Status retire(BlockId first, BlockId last) override;
  Result<std::optional<BlockId>> first_owned(BlockId first, BlockId last) override;
  Status insert(InodeId parent, const metadata::FileStatus& entry,
                std::span<const metadata::Block> blocks) override;
  Result<std::optional<metadata::StagedFile>> staged(std::uint64_t session) override;
  Status stage(const metadata::StagedFile& file, std::span<const metadata::Block> blocks) override;
  Status insert_staged(InodeId parent, const metadata::FileStatus& entry,
                       const metadata::StagedFile& file,
                       std::span<const metadata::Block> rest) override;
  Status drop_staged(const metadata::StagedFile& file) override;
  Status append(const metadata::FileInfo& file, std::span<const metadata::Block> blocks,
                std::int64_t time_ms) override;
  Status take_over(metadata::FileInfo& target, metadata::Place place,
                   const metadata::FileInfo& source, std::int64_t time_ms) override;
  Status unlink(metadata::Place place, const metadata::Found& found) override;
  Status move(metadata::Place from, metadata::Place to, const metadata::Found& found) override;
  Status set_node_admin(const metadata::NodeAdmin& decision) override;
  Status set_replication(metadata::Place place, const metadata::Found& found,
                         std::uint8_t replication) override;
  Status set_attributes(metadata::Place place, const metadata::Found& found,
                        const metadata::EntryAttributes& attributes) override;
  Status set_owner(metadata::Place place, const metadata::Found& found,
                   const metadata::EntryOwner& owner) override;
  Status touch_directory(InodeId id, std::int32_t children_delta, std::int64_t time_ms) override;
  Result<std::uint64_t> purge(std::uint32_t limit) override;

  // Writes what is pending. The marks in the view carry the number of the commit to come.
  Status flush();
  void set_commit(std::uint64_t number) { commit_ = number; }
  // The entry that is applied next.
  void set_entry(std::uint64_t number) { entry_ = number; }

  const TreeState& state() const { return state_; }
  // The database's life was taken away.
  void forget_life() { state_.epoch.life = {}; }
  // What was done since the last call; all but `applied`.
  NamespaceEffects take_effects();

 private:
  // A directory that was met, as its row will be after flush().
  struct Directory {
    InodeId parent;
    std::string name;
    std::uint16_t permission = 0;
    std::int64_t group = 0;
    std::int64_t modified_ms = 0;
    std::uint32_t children = 0;
    bool dirty = false;
  };
  using Key = std::pair<std::uint64_t, std::string_view>;  // Views Directory::name.

  struct RemovedEntry {
    std::int64_t id = 0;
    metadata::Found found;
  };
  // A file whose blocks from a position on have not its wanted copies yet; none has no inode.
  struct RetargetedFile {
    InodeId inode{};
    std::uint8_t replication = 0;
    std::uint64_t position = 0;
  };

  // Blocks of a file that follow one another, all of one size but the last, which may be shorter:
  // so that the block that holds a byte is found without adding up those before it. A row of `run`,
  // but for the first run of a file when its size is the file's.
  struct Run {
    std::uint64_t first_byte = 0;
    std::uint64_t first_block = 0;
    std::uint64_t block_size = 0;

    // Of the last run of `file`: all of its blocks have its size.
    bool is_full(const metadata::FileInfo& file) const {
      const auto bytes = file.length - first_byte;
      return bytes % block_size == 0 && bytes / block_size == file.blocks - first_block;
    }
  };

  NamespaceTree(NamespaceView& view, const TreeState& state) : view_(view), state_(state) {}

  Status prepare(Database& database);
  // Notes an effect on the block that `statement`, which selects id, generation, length and
  // replication, stands on.
  void note_block(BlockEffect::Kind kind, const Statement& statement, std::uint8_t replication);
  Directory& remember(InodeId id, Directory directory);
  void forget(InodeId id);
  Result<Directory*> loaded_directory(InodeId id);

  Status insert_row(InodeId parent, const metadata::FileStatus& entry);
  // Of a file that has `position` blocks already.
  Status insert_blocks(InodeId file, std::uint8_t replication, std::uint64_t position,
                       std::span<const metadata::Block> blocks);
  Status end_staging(const metadata::StagedFile& file);
  // Whether a path from the root leads to it.
  Result<bool> is_reachable(InodeId directory);
  Result<Run> last_run(const metadata::FileInfo& file);
  // `file` gets a block of so many bytes, with which its last run goes on or another one begins.
  Status extend(Run& run, const metadata::FileInfo& file, std::uint64_t length);
  Status insert_run(InodeId file, const Run& run);
  Status move_runs(const metadata::FileInfo& target, const metadata::FileInfo& source);
  Status move_blocks(const metadata::FileInfo& target, const metadata::FileInfo& source);
  // As many as blocks of the file were freed: it has no more runs than blocks.
  Status free_runs(InodeId file, std::uint64_t blocks);
  Result<std::vector<Run>> runs_of(const metadata::FileInfo& file);
  Status set_length(const metadata::FileInfo& file, std::int64_t time_ms);
  Status delete_row(metadata::Place place);
  Status add_removed(const metadata::Found& found);

  // Frees the blocks of a file that has disappeared, or leaves them to purge().
  Status give_up_blocks(const metadata::Found& found);
  // Frees at most `limit` of the file's blocks; returns how many there were to free.
  Result<std::uint64_t> free_blocks(InodeId file, std::uint64_t limit);
  // Gives at most `limit` of its blocks the wanted copies and leaves the rest to purge(). Returns
  // how much was done, which is something.
  Result<std::uint64_t> retarget(const RetargetedFile& file, std::uint64_t limit);
  Result<RetargetedFile> first_retargeted();
  Result<RemovedEntry> first_removed();
  // Frees what stands directly below a removed directory; returns how much was done.
  Result<std::uint64_t> purge_children(InodeId directory, std::uint64_t limit);
  Result<std::uint64_t> purge_entry(const RemovedEntry& entry, std::uint64_t limit);
  // Does some of what is left, 0 when nothing is.
  Result<std::uint64_t> purge_some(std::uint64_t limit);

  NamespaceView& view_;
  TreeState state_;
  std::uint64_t commit_ = 0;
  std::uint64_t entry_ = 0;
  NamespaceEffects effects_;
  std::uint64_t removed_count_ = 0;   // Rows of `removed`.
  bool retargeting_ = false;          // There are rows of `retargeted`.
  bool has_runs_ = false;             // There may be rows of `run`.
  metadata::BlockMark mark_met_ = 0;  // One that is used; spares a query for each block.
  // No block from the first to the last of these is retired; none are when the first is above.
  BlockId gap_first_{1};
  BlockId gap_last_{0};

  // Node handles must be stable: by_name_ views the names in directories_.
  absl::flat_hash_map<std::uint64_t, std::unique_ptr<Directory>> directories_;
  absl::flat_hash_map<Key, std::uint64_t> by_name_;
  std::vector<std::uint64_t> dirty_;

  NameNumbers names_;
  Statement find_;
  Statement find_inode_;
  Statement insert_directory_;
  Statement insert_file_;
  Statement delete_;
  Statement move_;
  Statement update_directory_;
  Statement update_replication_;
  Statement update_attributes_;
  Statement update_owner_;
  Statement update_length_;
  Statement find_file_;
  Statement last_block_;
  Statement insert_run_;
  Statement last_run_;
  Statement file_runs_;
  Statement delete_runs_;
  Statement move_block_;
  Statement find_block_;
  Statement first_block_;
  Statement find_mark_;
  Statement insert_mark_;
  Statement update_epoch_;
  Statement insert_began_;
  Statement insert_past_;
  Statement give_up_past_;
  Statement find_given_up_;
  Statement insert_given_up_;
  Statement retired_from_;
  Statement retired_after_;
  Statement retired_until_;
  Statement delete_retired_;
  Statement insert_retired_;
  Statement insert_block_;
  Statement file_blocks_;
  Statement delete_block_;
  Statement retarget_block_;
  Statement write_retargeted_;
  Statement first_retargeted_;
  Statement delete_retargeted_;
  Statement select_staged_;
  Statement write_staged_;
  Statement delete_staged_;
  Statement add_removed_;
  Statement first_removed_;
  Statement delete_removed_;
  Statement children_;
  Statement write_admin_;
  Statement delete_admin_;
};

}  // namespace minidfs::storage
