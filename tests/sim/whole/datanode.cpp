#include "sim/whole/datanode.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sim/whole/checker.hpp"
#include "sim/whole/cluster.hpp"

namespace minidfs::sim {

namespace {

// Units of a piece each, and little of them: what is scarce shows what waits for what.
constexpr std::size_t kReserve = 1;
constexpr std::size_t kCopyPieces = 2;
constexpr std::size_t kRemovalsMax = 20;

std::uint64_t pieces_shared(World& world) { return world.below(2); }

void send_more(const std::weak_ptr<Sender>& sender) {
  const auto sending = sender.lock();
  if (sending != nullptr && sending->pieces_left() > 0) sending->send_piece();
}

}  // namespace

SimDatanode::SimDatanode(Cluster& cluster, Place place)
    : cluster_(cluster),
      place_(place),
      process_(cluster.world),
      link_(cluster.network, cluster.namenode, process_, place),
      disk_(cluster.world, process_, [this](const auto& effects) { disk_changed(effects); }),
      queued_(kRemovalsMax),
      memory_(pieces_shared(cluster.world), kReserve) {}

// --- The data plane ---------------------------------------------------------------------------

void SimDatanode::receives_no_more(const Receiver& receiver) {
  std::erase_if(receivers_, [&](const auto& each) { return each.get() == &receiver; });
}

transfer::MemoryBudget::Ticket SimDatanode::ask_memory(Receiver& receiver, TimePoint deadline) {
  const auto ticket = memory_.ask(receiver.hops(), 1, deadline);
  waiting_[ticket] = receiver.shared_from_this();
  return ticket;
}

void SimDatanode::cancel_memory(transfer::MemoryBudget::Ticket ticket) {
  memory_.cancel(ticket);
  waiting_.erase(ticket);
  grant_memory();
}

void SimDatanode::give_back_memory(std::size_t hops) {
  memory_.give_back(hops, 1);
  // Not from within: who gives back may still have to say something.
  process_.later(milliseconds{0}, [this] { grant_memory(); });
}

void SimDatanode::grant_memory() {
  for (const auto ticket : memory_.grant()) {
    const auto receiver = waiting_.extract(ticket).mapped();
    receiver->granted();
  }
  const auto exhausted =
      std::count_if(cluster_.nodes.begin(), cluster_.nodes.end(),
                    [](const auto& node) { return node->memory().waiting() > 0; });
  if (exhausted >= 2) cluster_.world.note("memory exhausted at two nodes at once");
}

bool SimDatanode::keep(const metadata::Block& block, Content content) {
  const auto there = disk_.replicas.find(block.id);
  if (there != disk_.replicas.end() && there->second.block.generation >= block.generation) {
    return false;
  }
  disk_.replicas[block.id] = {block, content, !disk_.lies};
  bad_.erase(block.id);
  queued_.came(block.id);
  cluster_.orders.stored(place_, block.id);
  cluster_.world.trace([&] { return name() + " stores block " + to_string(block.id); });
  changes_.stored(block);
  return true;
}

void SimDatanode::read(const metadata::Block& block, std::function<void(Result<Content>)> done) {
  disk_.work(storage::DiskWork::kRead, [this, block, done = std::move(done)](const Status& status) {
    const auto there = disk_.replicas.find(block.id);
    // A bad replica that is the last one would be missing for good, and prove nothing.
    if (!status.ok() && readable_elsewhere(cluster_, block, place_) > 0) {
      found_bad(block);
      changes_.found_corrupt(block);
      done(status.error());
    } else if (there == disk_.replicas.end() || there->second.block != block) {
      done(Error{Errc::kNotFound, "no such replica"});
    } else {
      done(there->second.content);
    }
  });
}

void SimDatanode::check_one() {
  if (!process_.works() || disk_.replicas.empty()) return;
  const auto count = cluster_.world.below(disk_.replicas.size());
  const auto some = std::next(disk_.replicas.begin(), static_cast<std::ptrdiff_t>(count));
  read(some->second.block, [](const Result<Content>&) {});
}

void SimDatanode::found_bad(const metadata::Block& block) {
  cluster_.orders.found_bad(place_, block.id);
  if (bad_.try_emplace(block.id, block).second) check_bad_later(block);
}

// As the scrubber does, sooner or later.
void SimDatanode::check_bad_later(const metadata::Block& block) {
  process_.later(cluster_.world.between(milliseconds{2000}, milliseconds{10'000}),
                 [this, block] { check_bad(block); });
}

void SimDatanode::check_bad(const metadata::Block& block) {
  disk_.work(storage::DiskWork::kRead, [this, block](const Status& status) {
    const auto there = disk_.replicas.find(block.id);
    const bool gone = there == disk_.replicas.end() || there->second.block != block;
    if (gone || !bad_.contains(block.id)) return;
    if (!status.ok()) return check_bad_later(block);
    cluster_.world.note("a replica that was called bad and is whole");
    bad_.erase(block.id);
    queued_.came(block.id);
    changes_.stored(block);
    cluster_.orders.found_whole(place_, block.id);
  });
}

// To a namenode that has not heard of it, or has forgotten.
void SimDatanode::tell_bad_again() {
  for (const auto& [id, block] : bad_) {
    const auto there = disk_.replicas.find(id);
    if (there != disk_.replicas.end() && there->second.block == block) {
      changes_.found_corrupt(block);
    }
  }
}

// What has hung for long counts as lost until it is back.
void SimDatanode::disk_changed(const storage::DiskHealth::Effects& effects) {
  if (effects.unavailable) {
    cluster_.world.note("a disk that hung for so long that its replicas counted as lost");
    told_lost_ = true;
    for (const auto& [id, replica] : disk_.replicas) changes_.unreachable(replica.block);
  }
  if (effects.back && std::exchange(told_lost_, false)) {
    for (const auto& [id, replica] : disk_.replicas) {
      queued_.came(id);
      changes_.back(replica.block);
    }
    tell_bad_again();
  }
}

void SimDatanode::tick() {
  disk_.tick();
  for (const auto ticket : memory_.expire(cluster_.world.now())) {
    const auto receiver = waiting_.extract(ticket).mapped();
    receiver->expired();
  }
  grant_memory();
  process_.later(kPulse, [this] { tick(); });
}

// --- Life and death ---------------------------------------------------------------------------

void SimDatanode::start() {
  if (std::exchange(lost_power_, false)) lose_unsynced();
  process_.start();
  tick();
  join();
}

void SimDatanode::forget_process() {
  membership_.reset();
  dialed_ = 0;
  changes_.clear();
  failed_copies_.clear();
  bad_.clear();
  told_ = {};
  queued_ = metadata::QueuedRemovals(kRemovalsMax);
  removes_.clear();
  given_.clear();
  removing_ = false;
  fence_ = 0;
  fence_waiting_ = 0;
  disk_.forget_process();
  told_lost_ = false;
  receivers_.clear();
  waiting_.clear();
  memory_ = transfer::MemoryBudget(pieces_shared(cluster_.world), kReserve);
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
      cluster_.orders.lost_unnoticed(place_, at->first);
      at = disk_.replicas.erase(at);
    } else {
      ++at;
    }
  }
}

void SimDatanode::lose_one_of_several(const metadata::Block& block) {
  MDFS_ASSERT(!process_.up());
  const auto here = disk_.replicas.find(block.id);
  if (here == disk_.replicas.end()) return;
  for (const auto& node : cluster_.nodes) {
    const auto there = node->disk().replicas.find(block.id);
    if (node.get() == this || there == node->disk().replicas.end()) continue;
    if (there->second.content != here->second.content || !there->second.synced) continue;
    cluster_.world.note("a replica lost between its writing and a takeover");
    disk_.replicas.erase(here);
    return;
  }
}

// --- Orders -----------------------------------------------------------------------------------

// Orders given before are dropped; one that is being carried out comes to its end first.
void SimDatanode::fence(const metadata::FenceOrders& effect) {
  if (!removes_.empty()) cluster_.world.note("a fence with orders queued");
  queued_.fence(effect.fence);
  removes_.clear();
  given_.clear();
  known_on_disk_ = effect.known;
  fence_ = effect.fence;
  fence_waiting_ = effect.fence;
  disk_.work(storage::DiskWork::kSync, [this](const Status&) {
    if (!removing_) fenced();
  });
}

void SimDatanode::fenced() {
  if (fence_waiting_ != 0) step(metadata::Fenced{std::exchange(fence_waiting_, 0)});
}

void SimDatanode::obey(const Beaten& beaten) {
  for (const auto& order : beaten.removes) queue(order);
  take_removes();
  for (const auto& order : beaten.reply.copy) copy(order);
}

void SimDatanode::queue(const OrderPtr& order) {
  using Taken = metadata::QueuedRemovals::Taken;
  const auto block = order->order.block;
  const metadata::Untold untold{changes_, told_.changes};
  if (untold.brings(block)) {
    cluster_.world.note("an order that does not know of what was stored since");
  }
  const auto taken = queued_.order(block, order->order.generation, untold);
  if (taken == Taken::kNot) return;
  if (taken == Taken::kQueued) removes_.push_back(block);
  auto& given = given_[block];
  if (given != nullptr) given->queued = false;
  given = order;
  given->queued = true;
}

void SimDatanode::take_removes() {
  while (!removing_) {
    const auto given = next_removal();
    if (given == nullptr) return;
    if (!disk_.replicas.contains(given->order.block)) {
      remove(*given);
      given->queued = false;
      continue;
    }
    removing_ = true;
    disk_.unlink([this, given](const Status& status) {
      removing_ = false;
      // One that failed is not told: it will be ordered again.
      if (status.ok()) remove(*given);
      given->queued = false;
      fenced();
      take_removes();
    });
  }
}

// None: nothing is left to be removed.
OrderPtr SimDatanode::next_removal() {
  while (!removes_.empty()) {
    const auto block = removes_.front();
    removes_.pop_front();
    auto given = given_.extract(block).mapped();
    if (queued_.take(block, fence_).has_value()) return given;
    cluster_.world.note("an order that was void when its turn came");
    given->queued = false;
  }
  return nullptr;
}

void SimDatanode::remove(const GivenOrder& given) {
  cluster_.orders.carried_out(given);
  const auto& order = given.order;
  const auto there = disk_.replicas.find(order.block);
  metadata::Block gone{order.block, order.generation, 0};
  if (there != disk_.replicas.end()) {
    if (there->second.block.generation > order.generation) return;
    gone = there->second.block;
    cluster_.world.trace([&] { return name() + " removes block " + to_string(order.block); });
    disk_.replicas.erase(there);
  }
  changes_.removed(gone);
  bad_.erase(order.block);
  check_block(cluster_, order.block);
}

void SimDatanode::copy(const actors::CopyOrder& order) {
  for (const auto& target : order.targets) {
    read(order.block, [this, order, target](const Result<Content>& content) {
      if (!content.ok()) {
        failed_copies_.push_back({order.block.id, address()});
        return;
      }
      const auto sender = Sender::open(cluster_, process_, place_, {target});
      const std::weak_ptr weak(sender);
      sender->begin({{order.block, *content, kCopyPieces}},
                    {[weak] { send_more(weak); }, [](const Stored&) {},
                     [this, weak, order, target](const std::vector<Stored>& stored) {
                       if (!stored[0][0]) failed_copies_.push_back({order.block.id, target});
                       weak.lock()->close();
                     }});
      send_more(weak);
    });
  }
}

}  // namespace minidfs::sim
