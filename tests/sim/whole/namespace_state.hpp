// The namespace of a simulated namenode: the real rules over tests/unit/metadata/memory_table.hpp
// and the real windows of kept replies. A value, so that it can be copied and gone back to.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metadata/block_map.hpp"
#include "metadata/client_ages.hpp"
#include "metadata/namespace_effects.hpp"
#include "metadata/namespace_replies.hpp"
#include "metadata/namespace_rules.hpp"
#include "metadata/namespace_times.hpp"
#include "sim/whole/ledger.hpp"
#include "unit/metadata/memory_table.hpp"

namespace minidfs::sim {

using metadata::BlockEffect;
using metadata::NamespaceEffects;

// A MemoryTable that tells of blocks.
class BlockTable final : public metadata::test::MemoryTable {
 public:
  Status insert(InodeId parent, const metadata::FileStatus& entry,
                std::span<const metadata::Block> blocks) override;
  Status stage(const metadata::StagedFile& file, std::span<const metadata::Block> blocks) override;
  Status insert_staged(InodeId parent, const metadata::FileStatus& entry,
                       const metadata::StagedFile& file,
                       std::span<const metadata::Block> rest) override;
  Status drop_staged(const metadata::StagedFile& file) override;
  Status unlink(metadata::Place place, const metadata::Found& found) override;
  Status set_replication(metadata::Place place, const metadata::Found& found,
                         std::uint8_t replication) override;

  NamespaceEffects take_effects() { return std::exchange(effects_, {}); }
  const std::map<BlockId, metadata::OwnedBlock>& owned() const { return owned_blocks_; }
  // By session.
  const std::map<std::uint64_t, metadata::StagedFile>& staged_files() const { return staged_; }

 private:
  void own(InodeId file, std::span<const metadata::Block> blocks, std::uint8_t wanted);
  void free_blocks(InodeId file);

  std::map<std::uint64_t, std::vector<BlockId>> files_;  // By inode.
  std::map<BlockId, metadata::OwnedBlock> owned_blocks_;
  std::map<std::uint64_t, metadata::StagedFile> staged_;
  NamespaceEffects effects_;
};

class NamespaceState {
 public:
  explicit NamespaceState(metadata::ClientAges::Options ages) : ages_(ages) {}

  // Applies the next command of the log and returns its encoded reply.
  std::string apply(std::uint64_t number, std::string_view command, const Ledger& ledger);
  // Operations that were carried out since the last call.
  std::vector<Operation> take_done() { return std::exchange(done_, {}); }

  // The answer to a request that was carried out, as far as it is kept.
  std::optional<metadata::ChangeReply> kept_reply(const metadata::RequestId& request) const;

  BlockTable& table() { return table_; }
  const Visible& visible() const { return visible_; }
  std::uint64_t applied() const { return applied_; }
  const metadata::NamespaceTimes& times() const { return times_; }

 private:
  BlockTable table_;
  metadata::ClientAges ages_;
  std::map<ClientId, metadata::ReplyWindow> replies_;
  Visible visible_;
  std::vector<Operation> done_;
  std::uint64_t applied_ = 0;
  metadata::NamespaceTimes times_;
};

}  // namespace minidfs::sim
