#include "sim/whole/promises.hpp"

namespace minidfs::sim {

void Promises::leadership_begins() {
  began_ = world_.now();
  given_up_.clear();
}

void Promises::granted(const actors::WriteGrant& grant) {
  for (const auto& pipeline : grant.pipelines) {
    for (const auto id : pipeline.blocks) {
      if (granted_.insert(id).second) continue;
      world_.violated("block " + to_string(id) + " was granted twice");
    }
  }
}

void Promises::given_up(std::span<const metadata::BlockRange> ranges) {
  for (const auto& range : ranges) {
    for (std::uint64_t i = 0; i < range.count; ++i) {
      given_up_.insert(BlockId{range.first.value + i});
    }
  }
}

// What was committed meanwhile may have been given up as a part of its file.
void Promises::renewed(std::span<const metadata::BlockRange> ranges, const NamespaceState& state) {
  for (const auto& range : ranges) {
    for (std::uint64_t i = 0; i < range.count; ++i) {
      const BlockId id{range.first.value + i};
      if (!given_up_.contains(id) || state.visible().contents.contains(id)) continue;
      world_.violated("block " + to_string(id) + " was given up, and a renewal of it accepted");
    }
  }
}

void Promises::ordered(const actors::HeartbeatReply& reply, NamespaceState& state) {
  if (!reply.remove.empty() && world_.now() - began_ < quiet_) {
    world_.violated("a leadership orders a replica removed before it is settled");
  }
  for (const auto& order : reply.remove) {
    if (state.visible().contents.contains(order.block)) continue;
    if (*state.table().is_retired(order.block)) continue;
    world_.violated("a replica of block " + to_string(order.block) +
                    " is ordered removed, which no file owned and which is not retired");
  }
}

}  // namespace minidfs::sim
