// What clients were told and what they meant: the measure for the namespace and for every byte that
// a reader gets. It learns of an operation before it is asked for and of its answer, never of how
// the cluster comes to it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "metadata/changes.hpp"
#include "sim/whole/disk.hpp"
#include "sim/whole/world.hpp"

namespace minidfs::sim {

using RequestKey = std::pair<std::uint64_t, std::uint64_t>;  // Of a client, and its sequence.
using Operation = std::uint64_t;                             // 0 is none.

// What applied entries have made of the ledger's operations; a value, so that an older copy of the
// namespace has an older one of these.
struct Visible {
  struct File {
    Operation put = 0;
    std::vector<metadata::Block> blocks;
  };
  std::map<std::string, File> files;
  std::map<BlockId, Content> contents;  // Of every block that ever belonged to a file.
};

class Ledger {
 public:
  explicit Ledger(World& world) : world_(world) {}

  using WrittenBlocks = std::vector<std::pair<metadata::Block, Content>>;
  struct WrittenFile {
    std::string path;
    WrittenBlocks blocks;
  };
  // All files of one request; outcome i of its answer belongs to the i-th operation.
  std::vector<Operation> put(RequestKey request, std::vector<WrittenFile> files);
  Operation remove(RequestKey request, std::string path);
  // Blocks of a file that has no name yet; its put() has them again.
  Operation stage(RequestKey request, WrittenBlocks blocks);
  void acknowledged(Operation operation);
  // With an error that promises that nothing was done.
  void refused(Operation operation);

  // --- The namespace's side ---
  // What becomes visible when the request is carried out, with these outcomes; returns what was
  // done of the operations that it knows.
  std::vector<Operation> show(RequestKey request, std::span<const metadata::Outcome> outcomes,
                              Visible& visible) const;
  // It was, for good.
  void applied(Operation operation);
  // The namespace went back to an older copy: what came after it is lost by the operator's word,
  // and so are bytes of files that had been removed since.
  void restored(const std::set<BlockId>& removed_since);
  bool may_be_lost(BlockId block) const { return may_be_lost_.contains(block); }

  // Whether the files are what the answers allow: nothing acknowledged is undone, nothing refused
  // is there.
  void check(const Visible& visible);

 private:
  struct Record {
    enum class Kind : std::uint8_t { kPut, kRemove, kStage };
    Kind kind = Kind::kPut;
    std::string path;  // None when blocks are staged.
    WrittenBlocks blocks;
    TimePoint begun{};
    std::optional<TimePoint> acknowledged;
    bool refused = false;
    bool applied = false;
    bool before_restore = false;  // Neither binds nor is bound any more.
  };
  Operation add(RequestKey request, Record record);
  void show(Operation operation, const Record& record, Visible& visible) const;
  void undone(const std::string& path, const Visible::File* now);

  World& world_;
  std::map<Operation, Record> records_;
  std::map<RequestKey, std::vector<Operation>> by_request_;
  std::set<BlockId> may_be_lost_;
  Operation last_ = 0;
};

}  // namespace minidfs::sim
