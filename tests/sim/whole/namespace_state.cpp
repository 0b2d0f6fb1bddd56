#include "sim/whole/namespace_state.hpp"

#include "base/codec.hpp"

namespace minidfs::sim {

using metadata::ReplyWindow;

Status BlockTable::insert(InodeId parent, const metadata::FileStatus& entry,
                          std::span<const metadata::Block> blocks) {
  auto& ids = files_[entry.id.value];
  for (const auto& block : blocks) {
    ids.push_back(block.id);
    owned_blocks_[block.id] = {block, entry.replication};
    effects_.push_back({BlockEffect::Kind::kAdded, block, entry.replication});
  }
  return MemoryTable::insert(parent, entry, blocks);
}

Status BlockTable::unlink(metadata::Place place, const metadata::Found& found) {
  for (const auto id : files_[found.id.value]) {
    effects_.push_back({BlockEffect::Kind::kFreed, owned_blocks_[id].block, 0});
    owned_blocks_.erase(id);
  }
  files_.erase(found.id.value);
  return MemoryTable::unlink(place, found);
}

Status BlockTable::set_replication(metadata::Place place, const metadata::Found& found,
                                   std::uint8_t replication) {
  for (const auto id : files_[found.id.value]) {
    auto& owned = owned_blocks_[id];
    owned.wanted = replication;
    effects_.push_back({BlockEffect::Kind::kRetargeted, owned.block, replication});
  }
  return MemoryTable::set_replication(place, found, replication);
}

std::optional<metadata::ChangeReply> NamespaceState::kept_reply(
    const metadata::RequestId& request) const {
  const auto client = replies_.find(request.client);
  if (client == replies_.end()) return std::nullopt;
  const auto seen = client->second.find(request.sequence);
  if (seen.seen != ReplyWindow::Seen::kAnswered) return std::nullopt;
  return decode<metadata::ChangeReply>(seen.reply, "kept reply").value();
}

std::string NamespaceState::apply(std::uint64_t number, std::string_view command,
                                  const Ledger& ledger) {
  applied_ = number;
  table_.set_entry(number);
  const auto entry = metadata::decode_entry(command);
  MDFS_ASSERT(entry.ok());  // Nobody else writes into this log.
  times_.advance(0, entry->cluster_ms);
  const auto& change = entry->change;
  const auto* request = metadata::request_of(change);
  const bool protect = request != nullptr && !request->client.is_none();
  if (protect) {
    auto& window = replies_[request->client];
    window.acknowledge_below(request->acknowledged_below);
    const auto seen = window.find(request->sequence);
    if (seen.seen == ReplyWindow::Seen::kAnswered) return std::string(seen.reply);
    if (seen.seen == ReplyWindow::Seen::kForgotten) {
      return encode(metadata::ChangeReply{
          {metadata::failure(Errc::kExpired, "older than the replies that are kept")}});
    }
  }
  const auto reply = metadata::apply_change(table_, change);
  MDFS_ASSERT(reply.ok());  // The table cannot fail.
  auto encoded = encode(*reply);
  if (protect) {
    replies_[request->client].add(request->sequence, encoded);
    const RequestKey key{request->client.low, request->sequence};
    if (reply->outcomes.front().ok() && ledger.show(key, visible_)) done_.push_back(key);
  }
  return encoded;
}

}  // namespace minidfs::sim
