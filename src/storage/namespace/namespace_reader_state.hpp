// What a NamespaceReader is made of. Only for its own source files.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metadata/path.hpp"
#include "storage/namespace/namespace_listings.hpp"
#include "storage/namespace/namespace_names.hpp"
#include "storage/namespace/namespace_reader.hpp"
#include "storage/namespace/namespace_view.hpp"

namespace minidfs::storage {

struct NamespaceReader::State {
  std::shared_ptr<NamespaceView> view;
  std::unique_ptr<ReadSnapshot> snapshot;
  NameNumbers names;
  std::uint64_t names_as_of = 0;  // The snapshot; they hold until the namespace is replaced.
  ListingCache listings;
  // (parent, name) to inode, right for as long as no directory was renamed or removed after the
  // snapshot `directories_as_of`.
  absl::flat_hash_map<std::pair<std::uint64_t, std::string>, std::uint64_t> directories;
  std::uint64_t directories_as_of = 0;
  std::pair<std::uint64_t, std::string> directory_key;  // Reused, to spare allocations.

  Statement select_entry;
  Statement select_page;
  Statement select_parent;
  Statement select_file_blocks;
  Statement select_run;
  Statement select_blocks;
  Statement select_owner;
  Statement select_state;
  Statement select_staged;
  Statement select_admins;
  Statement select_epoch;
  Statement select_mark;
  Statement select_replies;
  Statement select_retired;

  State(std::shared_ptr<NamespaceView> shared, std::size_t listing_cache_bytes)
      : view(std::move(shared)), listings(listing_cache_bytes) {}

  Status prepare();
  // Makes the snapshot current. REQUIRES the snapshot's mutex, as does all below.
  Status refresh();

  // The directory that components[0 .. count) lead to.
  Result<InodeId> directory_at(std::string_view path, const metadata::PathComponents& components,
                               std::size_t count);
  Result<InodeId> next_directory(std::string_view path, InodeId parent, std::string_view name);
  // Reads the row that `statement` stands on; every field is overwritten.
  Status read_status(Statement& statement, metadata::FileStatus& status);
  Result<metadata::FileStatus> entry_at(std::string_view path);
  struct BlockPlace {
    std::uint64_t position = 0;  // Among the blocks of the file.
    std::uint64_t offset = 0;    // Of its first byte in the file.
  };
  // The block that holds the byte at `offset` of a file. REQUIRES: there is one.
  Result<BlockPlace> block_at(const metadata::FileStatus& status, std::uint64_t offset);
  // At most `limit` blocks of `file.status`, from the one that holds the byte at `offset`.
  Status read_blocks(std::uint64_t offset, std::uint64_t limit, FileBlocks& file);

  // Calls `take(status)` for each entry of a page until it returns false; returns whether entries
  // are left.
  template <class Take>
  Result<bool> for_each_entry(InodeId directory, std::string_view start_after, std::uint32_t limit,
                              Take take);
  Result<NamespaceListing> read_listing(InodeId directory, std::string_view start_after,
                                        std::uint32_t limit);
};

}  // namespace minidfs::storage
