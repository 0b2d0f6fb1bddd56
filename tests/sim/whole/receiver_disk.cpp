// What a simulated datanode's receiver does with its disk.
#include <utility>

#include "sim/whole/cluster.hpp"
#include "sim/whole/receiver.hpp"

namespace minidfs::sim {

void Receiver::act(const transfer::CreateReplica& effect) {
  replicas_[effect.block].begin = effect.begin;
  const auto there = node_.disk().replicas.find(effect.begin.block);
  if (there == node_.disk().replicas.end() ||
      there->second.block.generation < effect.begin.generation) {
    return;
  }
  step(transfer::ReplicaLost{effect.block, {Errc::kAlreadyExists, "it is there"}});
}

void Receiver::act(const transfer::AppendSlices& effect) {
  auto& replica = replicas_.at(effect.block);
  if (replica.content != 0 && replica.content != piece_->content) {
    cluster_.world.violated(node_.name() + " mixes the bytes of two writers in one replica");
  }
  replica.content = piece_->content;
  replica.unwritten.push_back(lease_);
  ++held_[lease_].writes;
  node_.disk().work(storage::DiskWork::kWrite,
                    [self = shared_from_this(), block = effect.block, lease = lease_](
                        const Status& status) { self->written(block, lease, status); });
}

void Receiver::written(Block block, std::size_t lease, const Status& status) {
  auto& replica = replicas_.at(block);
  if (replica.abandoned) {
    cluster_.world.note(over_ ? "an answer of the disk after its session ended"
                              : "an answer of the disk after it was given up");
    return;
  }
  std::erase(replica.unwritten, lease);
  --held_[lease].writes;
  give_back_if_free(lease);
  if (!status.ok()) return lost(block, status.error());
  sync_if_written(block);
  if (!over_) tell_brakes();
}

void Receiver::lost(Block block, const Error& error) {
  if (over_) return let_go(replicas_.at(block));
  step(transfer::ReplicaLost{block, error});
  if (!over_) tell_brakes();
}

void Receiver::act(const transfer::StoreReplica& effect) {
  auto& replica = replicas_.at(effect.block);
  replica.storing = true;
  replica.waits_for_disk_since = now();
  sync_if_written(effect.block);
}

// What was begun to be stored stays, whether or not somebody still listens.
void Receiver::sync_if_written(Block block) {
  auto& replica = replicas_.at(block);
  if (!replica.storing || !replica.unwritten.empty()) return;
  if (replica.abandoned || std::exchange(replica.syncing, true)) return;
  replica.waits_for_disk_since = now();
  node_.disk().work(storage::DiskWork::kSync,
                    [self = shared_from_this(), block](const Status& status) {
                      if (status.ok()) return self->synced(block);
                      self->lost(block, status.error());
                    });
}

void Receiver::synced(Block block) {
  const auto replica = replicas_.extract(block).mapped();
  const metadata::Block stored{replica.begin.block, replica.begin.generation, replica.length};
  const bool kept = node_.keep(stored, replica.content);
  if (over_) return cluster_.world.note("an answer of the disk after its session ended");
  if (replica.abandoned) cluster_.world.note("an answer of the disk after it was given up");
  if (kept) {
    step(transfer::ReplicaStored{block, replica.length});
  } else {
    step(transfer::ReplicaLost{block, {Errc::kAlreadyExists, "it is there"}});
  }
}

void Receiver::act(const transfer::AbandonReplica& effect) {
  const auto at = replicas_.find(effect.block);
  if (at == replicas_.end()) return;  // It has come to its end.
  if (judging_) cluster_.world.note("a disk left in the middle of a block");
  let_go(at->second);
}

// Its memory does not wait for the disk.
void Receiver::let_go(Replica& replica) {
  replica.abandoned = true;
  for (const auto lease : std::exchange(replica.unwritten, {})) {
    --held_[lease].writes;
    give_back_if_free(lease);
  }
}

void Receiver::tell_brakes() {
  const auto& open = core_->open_block();
  const bool behind =
      open.has_value() && open->stored_here && replicas_.rbegin()->second.unwritten.size() > 1;
  if (const transfer::Brakes now{false, behind}; now != core_->brakes()) {
    step(transfer::BrakesChanged{now});
  }
}

}  // namespace minidfs::sim
