#include "actors/namespace_machine.hpp"

#include <utility>

namespace minidfs::actors {

void NamespaceMachine::set_sink(EffectsSink sink) {
  const std::lock_guard lock(mutex_);
  sink_ = std::move(sink);
}

Status NamespaceMachine::commit_batch() {
  MDFS_CHECK(store_.commit_batch());
  const auto applied = store_.take_effects();
  if (applied.freed.empty() && applied.retargeted.empty() && applied.node_admins.empty()) {
    return {};
  }
  NamespaceEffects effects;
  for (const auto& block : applied.freed) effects.freed.push_back({block.id, block.generation});
  for (const auto& block : applied.retargeted) {
    effects.wanted.push_back({block.id, block.replication});
  }
  effects.node_admins = applied.node_admins;
  const std::lock_guard lock(mutex_);
  if (sink_) sink_(std::move(effects));
  return {};
}

}  // namespace minidfs::actors
