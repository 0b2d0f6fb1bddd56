#include "sim/whole/namespace_state.hpp"

#include "base/codec.hpp"

namespace minidfs::sim {

using metadata::ReplyWindow;

void BlockTable::own(InodeId file, std::span<const metadata::Block> blocks, std::uint8_t wanted) {
  auto& ids = files_[file.value];
  for (const auto& block : blocks) {
    ids.push_back(block.id);
    owned_blocks_[block.id] = {block, wanted};
    effects_.blocks.push_back({BlockEffect::Kind::kAdded, block, wanted});
  }
}

void BlockTable::free_blocks(InodeId file) {
  for (const auto id : files_[file.value]) {
    effects_.blocks.push_back({BlockEffect::Kind::kFreed, owned_blocks_[id].block, 0});
    owned_blocks_.erase(id);
  }
  files_.erase(file.value);
}

Status BlockTable::insert(InodeId parent, const metadata::FileStatus& entry,
                          std::span<const metadata::Block> blocks) {
  // Those that it has already were staged.
  own(entry.id, blocks.subspan(files_[entry.id.value].size()), entry.replication);
  return MemoryTable::insert(parent, entry, blocks);
}

Status BlockTable::stage(const metadata::StagedFile& file,
                         std::span<const metadata::Block> blocks) {
  own(file.id, blocks, file.replication);
  staged_[file.session] = file;
  effects_.stagings.push_back({file.session, file.client, true});
  return MemoryTable::stage(file, blocks);
}

Status BlockTable::insert_staged(InodeId parent, const metadata::FileStatus& entry,
                                 const metadata::StagedFile& file,
                                 std::span<const metadata::Block> rest) {
  staged_.erase(file.session);
  effects_.stagings.push_back({file.session, file.client, false});
  return MemoryTable::insert_staged(parent, entry, file, rest);
}

Status BlockTable::drop_staged(const metadata::StagedFile& file) {
  free_blocks(file.id);
  staged_.erase(file.session);
  effects_.stagings.push_back({file.session, file.client, false});
  return MemoryTable::drop_staged(file);
}

Status BlockTable::unlink(metadata::Place place, const metadata::Found& found) {
  free_blocks(found.id);
  return MemoryTable::unlink(place, found);
}

Status BlockTable::set_replication(metadata::Place place, const metadata::Found& found,
                                   std::uint8_t replication) {
  for (const auto id : files_[found.id.value]) {
    auto& owned = owned_blocks_[id];
    owned.wanted = replication;
    effects_.blocks.push_back({BlockEffect::Kind::kRetargeted, owned.block, replication});
  }
  return MemoryTable::set_replication(place, found, replication);
}

std::optional<metadata::ChangeReply> NamespaceState::kept_reply(
    const metadata::RequestId& request) const {
  if (ages_.may_be_forgotten(request.client, times_.cluster_ms)) {
    return metadata::forgotten(request);
  }
  const auto client = replies_.find(request.client);
  if (client == replies_.end()) return std::nullopt;
  const auto seen = client->second.find(request.sequence);
  if (seen.seen == ReplyWindow::Seen::kForgotten) return metadata::forgotten(request);
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
    if (ages_.may_be_forgotten(request->client, times_.cluster_ms)) {
      return encode(metadata::forgotten(*request));
    }
    for (const auto client : ages_.seen(request->client, times_.cluster_ms)) {
      replies_.erase(client);
    }
    auto& window = replies_[request->client];
    window.acknowledge_below(request->acknowledged_below);
    const auto seen = window.find(request->sequence);
    if (seen.seen == ReplyWindow::Seen::kAnswered) return std::string(seen.reply);
    if (seen.seen == ReplyWindow::Seen::kForgotten) return encode(metadata::forgotten(*request));
  }
  const auto reply = metadata::apply_change(table_, change);
  MDFS_ASSERT(reply.ok());  // The table cannot fail.
  auto encoded = encode(*reply);
  if (protect) {
    replies_[request->client].add(request->sequence, encoded);
    const auto done =
        ledger.show({request->client.low, request->sequence}, reply->outcomes, visible_);
    done_.insert(done_.end(), done.begin(), done.end());
  }
  return encoded;
}

}  // namespace minidfs::sim
