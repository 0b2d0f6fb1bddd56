#include "actors/namespace_machine.hpp"

#include <utility>

namespace minidfs::actors {

void NamespaceMachine::set_sink(EffectsSink sink) {
  const std::lock_guard lock(mutex_);
  sink_ = std::move(sink);
  removed_left_ = true;
}

Status NamespaceMachine::commit_batch() {
  MDFS_CHECK(store_.commit_batch());
  auto effects = store_.take_effects();
  const std::lock_guard lock(mutex_);
  const bool news = !effects.blocks.empty() || !effects.node_admins.empty() ||
                    !effects.stagings.empty() || effects.removed_left != removed_left_;
  removed_left_ = effects.removed_left;
  if (sink_ && (news || effects.removed_left)) sink_(std::move(effects));
  return {};
}

}  // namespace minidfs::actors
