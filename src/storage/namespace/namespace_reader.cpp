#include "storage/namespace/namespace_reader.hpp"

#include <algorithm>
#include <mutex>

#include "base/codec.hpp"
#include "storage/namespace/namespace_reader_state.hpp"

namespace minidfs::storage {

using metadata::Block;
using metadata::FileKind;
using metadata::FileStatus;
using metadata::kRootInode;
using metadata::PathComponents;

namespace {

constexpr std::size_t kPageBytesMax = 1U << 20U;
constexpr std::size_t kPageBlocksMax = 16384;
constexpr std::size_t kDirectoriesMax = 16384;
// Renames can make a tree deeper than any path that is accepted; this bounds path_of().
constexpr std::size_t kDepthMax = 4 * metadata::kPathComponentsMax;

constexpr char kStatusColumns[] =
    "SELECT name, inode, kind, permission, owner, \"group\", modified_ms, children, length, "
    "accessed_ms, block_size, replication, compression FROM dentry ";

Error not_found(std::string_view path) {
  return {Errc::kNotFound, std::string(path) + ": not found"};
}

}  // namespace

Status NamespaceReader::State::prepare() {
  Database& database = snapshot->database();
  MDFS_TRY(names, NameNumbers::open(database));
  const std::string columns(kStatusColumns);
  const std::pair<Statement*, std::string> statements[] = {
      {&select_entry, columns + "WHERE parent = ?1 AND name = ?2"},
      {&select_page, columns + "WHERE parent = ?1 AND name > ?2 ORDER BY name"},
      {&select_parent, "SELECT parent, name FROM dentry WHERE inode = ?1"},
      {&select_file_blocks,
       "SELECT id, generation, length FROM block WHERE inode = ?1 AND position >= ?2 "
       "ORDER BY position LIMIT ?3"},
      {&select_run,
       "SELECT first_byte, first_block, block_size FROM run WHERE inode = ?1 AND "
       "first_byte <= ?2 ORDER BY first_byte DESC LIMIT 1"},
      {&select_blocks,
       "SELECT id, generation, length, replication FROM block WHERE id BETWEEN ?1 AND ?2 "
       "ORDER BY id LIMIT ?3"},
      {&select_owner, "SELECT inode FROM block WHERE id = ?1"},
      {&select_state, "SELECT files, directories, blocks, bytes, applied FROM state WHERE id = 1"},
      {&select_staged,
       "SELECT session, high, low, inode, blocks, block_size, replication FROM staged "
       "ORDER BY session"},
      {&select_admins, "SELECT high, low, admin, until_ms FROM node_admin ORDER BY high, low"},
      {&select_epoch,
       "SELECT life_high, life_low, leadership, cluster_ms, forgotten_ms "
       "FROM state WHERE id = 1"},
      {&select_mark, "SELECT 1 FROM leadership WHERE mark = ?1"},
      {&select_replies, "SELECT replies FROM client WHERE high = ?1 AND low = ?2"},
      {&select_retired,
       "SELECT first, last FROM retired WHERE first <= ?2 AND first >= "
       "coalesce((SELECT max(first) FROM retired WHERE first <= ?1), ?1) ORDER BY first LIMIT ?3"}};
  for (const auto& [statement, sql] : statements) {
    MDFS_TRY(*statement, database.prepare(sql));
  }
  return {};
}

Status NamespaceReader::State::refresh() {
  MDFS_CHECK(snapshot->refresh(view->published()));
  if (view->replaced() > names_as_of) {
    names.forget();
    names_as_of = snapshot->number();
  }
  if (view->tree_changed() > directories_as_of || directories.size() > kDirectoriesMax) {
    directories.clear();
    directories_as_of = snapshot->number();
  }
  return {};
}

Result<InodeId> NamespaceReader::State::next_directory(std::string_view path, InodeId parent,
                                                       std::string_view name) {
  directory_key.first = parent.value;
  directory_key.second = name;
  const auto known = directories.find(directory_key);
  if (known != directories.end()) return InodeId{known->second};
  const StatementScope scope(select_entry);
  select_entry.bind(1, parent.value);
  select_entry.bind_text(2, name);
  MDFS_TRY(const bool row, select_entry.step());
  if (!row) return not_found(path);
  if (select_entry.integer(2) != static_cast<std::int64_t>(FileKind::kDirectory)) {
    return Error{Errc::kNotADirectory,
                 std::string(path) + ": " + std::string(name) + " on the way is not a directory"};
  }
  const InodeId id{select_entry.unsigned_integer(1)};
  directories.emplace(directory_key, id.value);
  return id;
}

Result<InodeId> NamespaceReader::State::directory_at(std::string_view path,
                                                     const PathComponents& components,
                                                     std::size_t count) {
  InodeId directory = kRootInode;
  for (std::size_t i = 0; i < count; ++i) {
    MDFS_TRY(directory, next_directory(path, directory, components[i]));
  }
  return directory;
}

Status NamespaceReader::State::read_status(Statement& statement, FileStatus& status) {
  status.name = statement.bytes(0);
  status.id = InodeId{statement.unsigned_integer(1)};
  status.kind = static_cast<FileKind>(statement.integer(2));
  status.permission = static_cast<std::uint16_t>(statement.integer(3));
  MDFS_TRY(status.owner, names.text(statement.integer(4)));
  MDFS_TRY(status.group, names.text(statement.integer(5)));
  status.modified_ms = statement.integer(6);
  status.children = static_cast<std::uint32_t>(statement.integer(7));
  if (status.kind == FileKind::kDirectory) {
    status.length = status.block_size = 0;
    status.accessed_ms = 0;
    status.replication = 0;
    status.compression.clear();
    return {};
  }
  status.length = statement.unsigned_integer(8);
  status.accessed_ms = statement.is_null(9) ? status.modified_ms : statement.integer(9);
  status.block_size = statement.unsigned_integer(10);
  status.replication = static_cast<std::uint8_t>(statement.integer(11));
  MDFS_TRY(status.compression, names.text(statement.integer(12)));
  return {};
}

Result<FileStatus> NamespaceReader::State::entry_at(std::string_view path) {
  MDFS_TRY(const PathComponents components, metadata::split_path(path));
  InodeId parent{};  // The root is the entry without a name of the directory 0.
  std::string_view name;
  if (!components.empty()) {
    MDFS_TRY(parent, directory_at(path, components, components.size() - 1));
    name = components.back();
  }
  const StatementScope scope(select_entry);
  select_entry.bind(1, parent.value);
  select_entry.bind_text(2, name);
  MDFS_TRY(const bool row, select_entry.step());
  if (!row) return not_found(path);
  FileStatus status;
  MDFS_CHECK(read_status(select_entry, status));
  return status;
}

// All blocks of a run but its last have one size; most files are one run.
Result<NamespaceReader::State::BlockPlace> NamespaceReader::State::block_at(
    const FileStatus& status, std::uint64_t offset) {
  if (offset == 0) return BlockPlace{};
  const StatementScope scope(select_run);
  select_run.bind_all(status.id.value, offset);
  MDFS_TRY(const bool row, select_run.step());
  const std::uint64_t first_byte = row ? select_run.unsigned_integer(0) : 0;
  const std::uint64_t first_block = row ? select_run.unsigned_integer(1) : 0;
  const std::uint64_t block_size = row ? select_run.unsigned_integer(2) : status.block_size;
  const std::uint64_t further = (offset - first_byte) / block_size;
  return BlockPlace{first_block + further, first_byte + further * block_size};
}

Status NamespaceReader::State::read_blocks(std::uint64_t offset, std::uint64_t limit,
                                           FileBlocks& file) {
  const FileStatus& status = file.status;
  if (offset >= status.length || status.block_size == 0) return {};
  MDFS_TRY(const BlockPlace first, block_at(status, offset));
  file.offset = first.offset;
  limit = std::min(limit, kNoBlockLimit);
  const StatementScope scope(select_file_blocks);
  select_file_blocks.bind_all(status.id.value, first.position, limit + 1);
  while (true) {
    MDFS_TRY(const bool row, select_file_blocks.step());
    if (!row) return {};
    if (file.blocks.size() == limit) {
      file.more = true;
      return {};
    }
    file.blocks.push_back({BlockId{select_file_blocks.unsigned_integer(0)},
                           select_file_blocks.unsigned_integer(1),
                           select_file_blocks.unsigned_integer(2)});
  }
}

template <class Take>
Result<bool> NamespaceReader::State::for_each_entry(InodeId directory, std::string_view start_after,
                                                    std::uint32_t limit, Take take) {
  const StatementScope scope(select_page);
  select_page.bind(1, directory.value);
  select_page.bind_text(2, start_after);
  FileStatus status;
  for (std::uint32_t count = 0;; ++count) {
    MDFS_TRY(const bool row, select_page.step());
    if (!row) return false;
    if (count == limit) return true;
    MDFS_CHECK(read_status(select_page, status));
    MDFS_TRY(const bool go_on, take(status));
    if (!go_on) {
      MDFS_TRY(const bool more, select_page.step());
      return more;
    }
  }
}

Result<NamespaceListing> NamespaceReader::State::read_listing(InodeId directory,
                                                              std::string_view start_after,
                                                              std::uint32_t limit) {
  NamespaceListing listing;
  std::string entries;
  const auto take = [&](const FileStatus& status) -> Result<bool> {
    Encoder(entries).put(status);
    ++listing.count;
    return entries.size() < kPageBytesMax;
  };
  MDFS_TRY(listing.more, for_each_entry(directory, start_after, limit, take));
  listing.entries = std::make_shared<const std::string>(std::move(entries));
  return listing;
}

NamespaceReader::NamespaceReader(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->view->add(state_->snapshot.get());
}

NamespaceReader::~NamespaceReader() { state_->view->remove(state_->snapshot.get()); }

Result<std::unique_ptr<NamespaceReader>> NamespaceReader::open(const std::string& path,
                                                               std::shared_ptr<NamespaceView> view,
                                                               std::uint32_t cache_kib,
                                                               std::size_t listing_cache_bytes) {
  auto state = std::make_unique<State>(std::move(view), listing_cache_bytes);
  MDFS_TRY(state->snapshot, ReadSnapshot::open(path, cache_kib));
  MDFS_CHECK(state->prepare());
  return std::unique_ptr<NamespaceReader>(new NamespaceReader(std::move(state)));
}

Result<FileStatus> NamespaceReader::stat(std::string_view path) {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  return state_->entry_at(path);
}

Result<NamespaceListing> NamespaceReader::list(std::string_view path, std::string_view start_after,
                                               std::uint32_t limit) {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  MDFS_TRY(const FileStatus status, state_->entry_at(path));
  if (status.kind != FileKind::kDirectory) {
    return NamespaceListing{std::make_shared<const std::string>(encode(status)), 1, false};
  }
  ListingCache::Key key{status.id, limit, std::string(start_after)};
  const NamespaceListing* known = state_->listings.find(key, state_->view->changed(status.id));
  if (known != nullptr) return *known;
  MDFS_TRY(NamespaceListing listing, state_->read_listing(status.id, start_after, limit));
  state_->listings.keep(std::move(key), listing, state_->snapshot->number());
  return listing;
}

Result<EntryPage> NamespaceReader::list_with_blocks(std::string_view path,
                                                    std::string_view start_after,
                                                    std::uint32_t limit) {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  MDFS_TRY(FileStatus status, state_->entry_at(path));
  EntryPage page;
  if (status.kind != FileKind::kDirectory) {
    page.entries.push_back({std::move(status), {}});
    MDFS_CHECK(state_->read_blocks(0, kPageBlocksMax, page.entries.back()));
    return page;
  }
  std::size_t blocks = 0;
  const auto take = [&](const FileStatus& entry) -> Result<bool> {
    page.entries.push_back({entry, {}});
    FileBlocks& file = page.entries.back();
    MDFS_CHECK(state_->read_blocks(0, kPageBlocksMax, file));
    blocks += file.blocks.size();
    return blocks < kPageBlocksMax;
  };
  MDFS_TRY(page.more, state_->for_each_entry(status.id, start_after, limit, take));
  return page;
}

Result<FileBlocks> NamespaceReader::file_blocks(std::string_view path, std::uint64_t offset,
                                                std::uint64_t limit) {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  FileBlocks file;
  MDFS_TRY(file.status, state_->entry_at(path));
  MDFS_CHECK(state_->read_blocks(offset, limit, file));
  return file;
}

Result<std::vector<OwnedBlock>> NamespaceReader::blocks_between(BlockId first, BlockId last,
                                                                std::uint32_t limit) {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  constexpr std::uint64_t kLargest = INT64_MAX;  // SQLite's integers are signed.
  std::vector<OwnedBlock> blocks;
  if (first.value > kLargest) return blocks;
  Statement& select = state_->select_blocks;
  const StatementScope scope(select);
  select.bind_all(first.value, std::min(last.value, kLargest), limit);
  while (true) {
    MDFS_TRY(const bool row, select.step());
    if (!row) return blocks;
    blocks.push_back({BlockId{select.unsigned_integer(0)}, select.unsigned_integer(1),
                      select.unsigned_integer(2), static_cast<std::uint8_t>(select.integer(3))});
  }
}

Result<InodeId> NamespaceReader::owner_of(BlockId block) {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  Statement& select = state_->select_owner;
  const StatementScope scope(select);
  select.bind(1, block.value);
  MDFS_TRY(const bool row, select.step());
  if (!row) {
    return Error{Errc::kNotFound, "block " + to_string(block) + " belongs to no file"};
  }
  return InodeId{select.unsigned_integer(0)};
}

Result<std::string> NamespaceReader::path_of(InodeId inode) {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  if (inode == kRootInode) return std::string("/");
  std::vector<std::string> names;
  InodeId at = inode;
  while (at != kRootInode) {
    Statement& select = state_->select_parent;
    const StatementScope scope(select);
    select.bind(1, at.value);
    MDFS_TRY(const bool row, select.step());
    if (!row || names.size() == kDepthMax) {
      return Error{Errc::kNotFound, "inode " + to_string(inode) + " has no path"};
    }
    names.emplace_back(select.bytes(1));
    at = InodeId{select.unsigned_integer(0)};
  }
  std::string path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) path.append("/").append(*name);
  return path;
}

}  // namespace minidfs::storage
