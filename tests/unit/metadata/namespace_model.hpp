// A naive namespace for comparison: one map from whole paths to entries, every rule written out
// anew by scanning it. Slow, and wrong in other ways than the real one, one hopes.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "metadata/changes.hpp"

namespace minidfs::metadata::test {

struct ModelEntry {
  FileStatus status;
  std::vector<Block> blocks;
};

class NamespaceModel {
 public:
  NamespaceModel();

  // Messages stay empty. PurgeRemoved is taken to free all there is, and its value stays 0.
  ChangeReply apply(const Change& change);

  // Canonical paths ("/" or "/a/b") with their entries; children are counted on the way out.
  std::map<std::string, ModelEntry> entries() const;
  // Blocks of the files that can be reached or are staged.
  std::set<std::uint64_t> blocks() const;

 private:
  Outcome make_directory(const MakeDirectory& change);
  struct Staged {
    ClientId client;
    InodeId id;
    std::uint64_t block_size = 0;
    std::uint8_t replication = 0;
    std::vector<Block> blocks;
  };
  Outcome commit(const CommittedFile& file, std::int64_t time_ms, const Staged* staged = nullptr,
                 const FileTimes& times = {});
  Outcome stage(const StageBlocks& change);
  Outcome check_run(const BlockRange& run, std::set<std::uint64_t>& seen) const;
  Outcome commit_staged(const CommitStaged& change, const FileTimes& times = {});
  ChangeReply commit_dated(const CommitDated& change);
  Outcome drop_staged(const DropStaged& change);
  Outcome rename(const Rename& change);
  Outcome rename_exactly(const RenameExactly& change);
  void move_tree(const std::string& source, const std::string& target, std::int64_t time_ms);
  Outcome remove(const Remove& change);
  Outcome set_replication(const SetReplication& change);
  Outcome set_attributes(const EntryAttributes& entry);
  Outcome set_owner(const EntryOwner& entry);
  Outcome append(const AppendBlocks& change);
  Outcome concat(const ConcatFiles& change);
  Outcome reserve(const ReserveBlockIds& change);
  Outcome begin_leadership(std::uint64_t number, BlockMark mark);
  Outcome begin_life(const BeginLife& change);
  Outcome retire(const RetireBlockIds& change);

  bool is_directory(const std::string& path) const;
  bool is_file(const std::string& path) const;
  bool has_children(const std::string& path) const;
  // The error of a path that must lead to a file; `if_directory` when it leads to a directory.
  Outcome file_error(const std::string& path, Errc if_directory) const;
  // Whether blocks may be a file's from now on.
  Outcome check_ids(const std::vector<Block>& blocks) const;
  // The error of a path whose parent must exist; 0 when it does.
  std::uint8_t parent_error(const std::string& path) const;
  void make_parents(const std::string& path, std::uint16_t permission, const std::string& owner,
                    const std::string& group, std::int64_t time_ms);
  std::uint64_t add(const std::string& path, FileStatus status, std::int64_t time_ms);

  std::map<std::string, ModelEntry> entries_;
  std::map<std::uint64_t, Staged> staged_;  // By session.
  std::set<std::uint64_t> owned_;           // Blocks of all files that are not purged.
  std::uint64_t next_inode_ = 2;
  std::uint64_t next_block_ = 1;
  std::set<std::uint64_t> marks_;
  std::set<std::uint64_t> given_up_marks_;
  std::uint64_t leadership_ = 0;
  std::set<std::uint64_t> retired_;
};

// Changes over few names, so that they meet each other often; all from one seed. `protect` gives
// them request ids of a few clients, some of them asked again. Appends name what `known` holds.
class RandomChanges {
 public:
  RandomChanges(std::uint64_t seed, bool protect, const NamespaceModel* known = nullptr)
      : random_(seed), protect_(protect), known_(known) {}

  Change next();

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::string path();
  RequestId request();
  CommittedFile file();
  std::int64_t time();
  CommitDated dated(CommittedFile file);
  BlockRange run();
  Change staging();
  std::uint64_t block_id();
  RetireBlockIds retire();
  SetAttributes attributes();
  SetOwner owners();
  AppendBlocks append();
  ConcatFiles concat();

  std::mt19937_64 random_;
  bool protect_;
  const NamespaceModel* known_;
  std::int64_t time_ms_ = 1000;
  std::uint64_t next_block_ = 1;
  BlockMark mark_ = 0;  // Of the last leadership.
  std::uint64_t next_count_ = 1;
  std::uint64_t leadership_ = 1;
  std::uint64_t sequences_[3] = {};
  std::uint64_t staged_[3] = {};  // Blocks of a session, when all of its parts were accepted.
};

}  // namespace minidfs::metadata::test
