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
#include "metadata/namespace_effects.hpp"
#include "metadata/namespace_replies.hpp"
#include "metadata/namespace_rules.hpp"
#include "metadata/namespace_times.hpp"
#include "sim/whole/ledger.hpp"
#include "unit/metadata/memory_table.hpp"

namespace minidfs::sim {

using metadata::BlockEffect;

// A MemoryTable that tells of blocks.
class BlockTable final : public metadata::test::MemoryTable {
 public:
  Status insert(InodeId parent, const metadata::FileStatus& entry,
                std::span<const metadata::Block> blocks) override;
  Status unlink(metadata::Place place, const metadata::Found& found) override;
  Status set_replication(metadata::Place place, const metadata::Found& found,
                         std::uint8_t replication) override;

  std::vector<BlockEffect> take_effects() { return std::exchange(effects_, {}); }
  const std::map<BlockId, metadata::OwnedBlock>& owned() const { return owned_blocks_; }

 private:
  std::map<std::uint64_t, std::vector<BlockId>> files_;  // By inode.
  std::map<BlockId, metadata::OwnedBlock> owned_blocks_;
  std::vector<BlockEffect> effects_;
};

class NamespaceState {
 public:
  // Applies the next command of the log and returns its encoded reply.
  std::string apply(std::uint64_t number, std::string_view command, const Ledger& ledger);
  // Requests that were carried out since the last call.
  std::vector<RequestKey> take_done() { return std::exchange(done_, {}); }

  // The answer to a request that was carried out, as far as it is kept.
  std::optional<metadata::ChangeReply> kept_reply(const metadata::RequestId& request) const;

  BlockTable& table() { return table_; }
  const Visible& visible() const { return visible_; }
  std::uint64_t applied() const { return applied_; }
  const metadata::NamespaceTimes& times() const { return times_; }

 private:
  BlockTable table_;
  std::map<ClientId, metadata::ReplyWindow> replies_;
  Visible visible_;
  std::vector<RequestKey> done_;
  std::uint64_t applied_ = 0;
  metadata::NamespaceTimes times_;
};

}  // namespace minidfs::sim
