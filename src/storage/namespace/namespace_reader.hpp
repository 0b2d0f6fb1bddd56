// Reads the namespace for clients and for the block map, from a connection of its own. What a
// finished commit_batch() wrote is always seen; each function answers from one consistent state.
// Used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "metadata/block_identity.hpp"
#include "metadata/block_range.hpp"
#include "metadata/changes.hpp"
#include "metadata/epoch.hpp"
#include "metadata/namespace_history.hpp"
#include "metadata/types.hpp"
#include "storage/namespace/namespace_tree.hpp"

namespace minidfs::storage {

// A page of a directory, in the order of names as bytes.
struct NamespaceListing {
  // `count` encoded FileStatus, back to back; never null.
  std::shared_ptr<const std::string> entries;
  std::uint32_t count = 0;
  bool more = false;  // Names after the last one of this page exist.
};

struct FileBlocks {
  metadata::FileStatus status;
  // In the order of the file, from the one that was asked for; none for a directory.
  std::vector<metadata::Block> blocks;
  std::uint64_t offset = 0;  // Of the first of them in the file.
  bool more = false;         // Blocks behind these exist.
};
inline constexpr std::uint64_t kNoBlockLimit = std::uint64_t{1} << 62U;

struct EntryPage {
  std::vector<FileBlocks> entries;
  bool more = false;
};

class NamespaceReader {
 public:
  // `view` is the one of the store that has `path` open.
  static Result<std::unique_ptr<NamespaceReader>> open(const std::string& path,
                                                       std::shared_ptr<NamespaceView> view,
                                                       std::uint32_t cache_kib,
                                                       std::size_t listing_cache_bytes);
  ~NamespaceReader();
  NamespaceReader(const NamespaceReader&) = delete;
  NamespaceReader& operator=(const NamespaceReader&) = delete;

  // Errors of all that take a path: kInvalidArgument, kNotFound, kNotADirectory (a file on the
  // way).
  Result<metadata::FileStatus> stat(std::string_view path);

  // At most `limit` entries with names after `start_after` (empty: from the first), fewer when the
  // page would exceed 1 MiB. Of a file: the file itself.
  Result<NamespaceListing> list(std::string_view path, std::string_view start_after,
                                std::uint32_t limit);
  // The same as structs, with the blocks of each file; about 16,384 blocks in a page, and no more
  // than that of one file.
  Result<EntryPage> list_with_blocks(std::string_view path, std::string_view start_after,
                                     std::uint32_t limit);

  // At most `limit` blocks, from the one that holds the byte at `offset`.
  Result<FileBlocks> file_blocks(std::string_view path, std::uint64_t offset = 0,
                                 std::uint64_t limit = kNoBlockLimit);

  // Blocks that files own with ids from `first` to `last`, in ascending order, at most `limit`.
  // Blocks of removed files that are not purged yet are among them.
  Result<std::vector<OwnedBlock>> blocks_between(BlockId first, BlockId last, std::uint32_t limit);
  // The file that owns a block; kNotFound when none does.
  Result<InodeId> owner_of(BlockId block);
  // kNotFound for an inode that does not exist or is below a removed directory.
  Result<std::string> path_of(InodeId inode);

  // The staged files of all write sessions.
  Result<std::vector<metadata::StagedFile>> staged_files();

  // What stands decided about datanodes, in order of their ids.
  Result<std::vector<metadata::NodeAdmin>> node_admins();

  // The life and the last leadership of the namespace.
  Result<metadata::Epoch> epoch();
  // The cluster time of the last entry.
  Result<std::int64_t> cluster_ms();
  // The reply to a request that was applied, for as long as it is kept; afterwards forgotten(), as
  // the log would answer. To be asked before anything is judged anew that may have been done
  // already.
  Result<std::optional<metadata::ChangeReply>> kept_reply(const metadata::RequestId& request);
  Result<bool> uses_mark(metadata::BlockMark mark);
  // All that is known of its past; for the start of a process.
  Result<metadata::NamespaceHistory> history();
  // The retired blocks from `first` to `last`, in joined ranges, ascending, at most `limit` of
  // them.
  Result<std::vector<metadata::BlockRange>> retired_between(BlockId first, BlockId last,
                                                            std::uint32_t limit);

  Result<NamespaceCounters> counters();
  // The number of the last entry that this reader sees.
  Result<std::uint64_t> applied();

 private:
  struct State;
  explicit NamespaceReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace minidfs::storage
