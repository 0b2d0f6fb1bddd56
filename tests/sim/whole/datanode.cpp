#include "sim/whole/datanode.hpp"

#include <utility>

#include "sim/whole/checker.hpp"
#include "sim/whole/cluster.hpp"

namespace minidfs::sim {

SimDatanode::SimDatanode(Cluster& cluster, Place place)
    : cluster_(cluster),
      place_(place),
      process_(cluster.world),
      link_(cluster.network, cluster.namenode, process_, place) {}

// --- The disk ---------------------------------------------------------------------------------

void SimDatanode::after_disk(std::function<void()> done) {
  const auto most = disk_.slow ? milliseconds{2500} : milliseconds{10};
  process_.later(cluster_.world.between(milliseconds{1}, most), [this, done = std::move(done)] {
    if (disk_.hangs) {
      hanging_.push_back(done);
    } else {
      done();
    }
  });
}

void SimDatanode::disk_hangs(bool hangs) {
  disk_.hangs = hangs;
  if (hangs) return;
  for (auto& done : std::exchange(hanging_, {})) process_.later(milliseconds{0}, std::move(done));
}

void SimDatanode::store(const metadata::Block& block, Content content,
                        std::function<void(bool)> done) {
  after_disk([this, block, content, done = std::move(done)] {
    const auto there = disk_.replicas.find(block.id);
    if (there != disk_.replicas.end() && there->second.block.generation >= block.generation) {
      done(false);
      return;
    }
    disk_.replicas[block.id] = {block, content, !disk_.lies};
    cluster_.world.trace([&] { return name() + " stores block " + to_string(block.id); });
    changes_.stored(block);
    done(true);
  });
}

void SimDatanode::read(const metadata::Block& block, std::function<void(Result<Content>)> done) {
  after_disk([this, block, done = std::move(done)] {
    const auto there = disk_.replicas.find(block.id);
    if (there == disk_.replicas.end() || there->second.block != block) {
      done(Error{Errc::kNotFound, "no such replica"});
    } else {
      done(there->second.content);
    }
  });
}

// --- Life and death ---------------------------------------------------------------------------

void SimDatanode::start() {
  if (std::exchange(lost_power_, false)) lose_unsynced();
  process_.start();
  join();
}

void SimDatanode::forget_process() {
  membership_.reset();
  changes_.clear();
  failed_copies_.clear();
  told_ = {};
  removes_.clear();
  removing_ = false;
  fence_waiting_ = 0;
  hanging_.clear();
}

void SimDatanode::kill() {
  cluster_.world.trace([&] { return name() + " is killed"; });
  process_.kill();
  forget_process();
}

void SimDatanode::cut_power() {
  kill();
  lost_power_ = true;
}

// A namenode that still takes the node for alive cannot know of the loss and may build on it; so
// can one that knows no other copy. Such losses prove nothing, and do not happen here.
void SimDatanode::lose_unsynced() {
  auto& namenode = cluster_.namenode;
  if (!namenode.process().up()) return;
  for (const auto& node : namenode.status().nodes) {
    if (node.node == id() && node.state != "dead") return;
  }
  for (auto at = disk_.replicas.begin(); at != disk_.replicas.end();) {
    const auto& replica = at->second;
    if (!replica.synced && readable_elsewhere(cluster_, replica.block, place_) > 1) {
      cluster_.world.note("a replica lost by a lying disk");
      at = disk_.replicas.erase(at);
    } else {
      ++at;
    }
  }
}

// --- Orders -----------------------------------------------------------------------------------

// Orders given before are dropped; one that is being carried out comes to its end first.
void SimDatanode::fence(const metadata::FenceOrders& effect) {
  if (!removes_.empty()) cluster_.world.note("a fence with orders queued");
  removes_.clear();
  known_on_disk_ = effect.known;
  fence_waiting_ = effect.fence;
  after_disk([this] {
    if (!removing_) fenced();
  });
}

void SimDatanode::fenced() {
  if (fence_waiting_ != 0) step(metadata::Fenced{std::exchange(fence_waiting_, 0)});
}

void SimDatanode::obey(const actors::HeartbeatReply& reply) {
  for (const auto& order : reply.remove) removes_.push_back(order);
  take_removes();
  for (const auto& order : reply.copy) copy(order);
}

void SimDatanode::take_removes() {
  if (removing_ || removes_.empty()) return;
  removing_ = true;
  const auto order = removes_.front();
  removes_.pop_front();
  after_disk([this, order] {
    removing_ = false;
    remove(order);
    fenced();
    take_removes();
  });
}

void SimDatanode::remove(const actors::RemoveOrder& order) {
  const auto there = disk_.replicas.find(order.block);
  metadata::Block gone{order.block, order.generation, 0};
  if (there != disk_.replicas.end()) {
    if (there->second.block.generation > order.generation) return;
    gone = there->second.block;
    cluster_.world.trace([&] { return name() + " removes block " + to_string(order.block); });
    disk_.replicas.erase(there);
  }
  changes_.removed(gone);
  check_block(cluster_, order.block);
}

void SimDatanode::copy(const actors::CopyOrder& order) {
  for (const auto& target : order.targets) {
    auto* node = cluster_.at(target);
    read(order.block, [this, order, target, node](const Result<Content>& content) {
      if (!content.ok()) {
        failed_copies_.push_back({order.block.id, address()});
        return;
      }
      const auto answered = [this, order, target](bool stored) {
        if (!stored) failed_copies_.push_back({order.block.id, target});
      };
      cluster_.to_node(place_, *node, [this, order, node, answered, content = *content] {
        node->store(order.block, content, [this, node, answered, life = process_.life()](bool ok) {
          cluster_.network.send(node->place(), place_, cluster_.network.connect(),
                                [this, life, answered, ok] {
                                  process_.arrive(life, [answered, ok] { answered(ok); });
                                });
        });
      });
    });
  }
}

}  // namespace minidfs::sim
