#include "sim/whole/faults.hpp"

#include <algorithm>

namespace minidfs::sim {
namespace {

constexpr milliseconds kLookEvery{50};

}  // namespace

Faults::Faults(Cluster& cluster) : cluster_(cluster) {
  cluster_.namenode.on_failed([this] { start_namenode_later(); });
  auto& world = cluster_.world;
  const auto wanted = 3 + world.below(4);
  while (kinds_.size() < wanted) {
    const auto kind = static_cast<Kind>(world.below(kKinds));
    if (std::find(kinds_.begin(), kinds_.end(), kind) == kinds_.end()) kinds_.push_back(kind);
  }
}

SimDatanode& Faults::some_node() {
  return *cluster_.nodes[cluster_.world.below(cluster_.nodes.size())];
}

void Faults::begin() {
  cluster_.world.after(cluster_.world.between(milliseconds{200}, milliseconds{2500}),
                       [this] { next(); });
}

void Faults::next() {
  if (healed_) return;
  happen(kinds_[cluster_.world.below(kinds_.size())]);
  begin();
}

void Faults::happen(Kind kind) {
  auto& world = cluster_.world;
  happened_.insert(kind);
  switch (kind) {
    case Kind::kSuspendWriter:
      return suspend_writer();
    case Kind::kKillNode:
      return kill_node(some_node(), false);
    case Kind::kCutPower:
      return cut_power();
    case Kind::kStopNode:
      return suspend(some_node().process(), milliseconds{8000});
    case Kind::kKillNamenode:
      return kill_namenode(false);
    case Kind::kEndLeadership:
      return end_leadership();
    case Kind::kStopNamenode:
      return suspend(cluster_.namenode.process(), milliseconds{6000});
    case Kind::kRestoreNamenode:
      if (!cluster_.namenode.has_copy() || world.chance(2)) return cluster_.namenode.take_copy();
      return kill_namenode(true);
    case Kind::kCutWire:
      return cut_wire();
    case Kind::kPutOutWire:
      return put_out_wire();
    case Kind::kSlowNetwork:
      cluster_.network.slow(true);
      return world.after(milliseconds{4000}, [this] { cluster_.network.slow(false); });
    case Kind::kDisk:
      return disk();
    case Kind::kSlowUnlinks:
      return slow_unlinks(2, milliseconds{6000});
    case Kind::kCopiesComeAndGo:
      return copies_come_and_go();
    case Kind::kClock:
      return cluster_.namenode.jump_clock(static_cast<std::int64_t>(world.below(2'000'000)) -
                                          1'000'000);
    case Kind::kSlowLog:
      cluster_.namenode.slow_log(true);
      return world.after(milliseconds{4000}, [this] { cluster_.namenode.slow_log(false); });
    case Kind::kFailStore:
      return cluster_.namenode.fail_store();
    case Kind::kLoseBeforeTakeover:
      return lose_before_takeover();
  }
}

void Faults::suspend(Process& process, milliseconds longest) {
  if (!process.works()) return;
  process.stop();
  cluster_.world.trace([] { return "a process is suspended"; });
  cluster_.world.after(cluster_.world.between(milliseconds{300}, longest),
                       [&process, life = process.life()] {
                         if (process.life() == life) process.go_on();
                       });
}

void Faults::once(std::function<bool()> ready, milliseconds patience, std::function<void()> then) {
  if (healed_ || patience <= milliseconds{0}) return;
  if (ready()) return then();
  cluster_.world.after(kLookEvery,
                       [this, ready = std::move(ready), patience, then = std::move(then)] {
                         once(ready, patience - kLookEvery, then);
                       });
}

// At any time, or once it has written a part of a file and is about to go on with the next one.
void Faults::suspend_writer() {
  auto& writer = *cluster_.writers[cluster_.world.below(cluster_.writers.size())];
  const auto stop = [this, &writer] { suspend(writer.process(), milliseconds{14'000}); };
  if (cluster_.world.chance(2)) return stop();
  once([&writer] { return writer.between_blocks(); }, milliseconds{4000},
       [this, &writer, stop] {
         if (writer.process().works()) cluster_.world.note("a writer suspended between two blocks");
         stop();
       });
}

// Copies become surplus, unlinks are slow, and the namenode is killed before they are done.
void Faults::end_leadership() {
  slow_unlinks(2, milliseconds{6000});
  for (auto& writer : cluster_.writers) writer->set_copies_of_all_soon({1});
  const auto queued = [this] {
    return std::any_of(cluster_.nodes.begin(), cluster_.nodes.end(),
                       [](const auto& node) { return node->orders_waiting() > 1; });
  };
  once(queued, milliseconds{6000}, [this] { kill_namenode(false); });
}

// Replicas are ordered removed and wanted again before that was done, which goes on when one of
// them becomes surplus.
void Faults::copies_come_and_go() {
  slow_unlinks(1, milliseconds{20'000});
  const auto all = static_cast<std::uint8_t>(cluster_.nodes.size());
  for (auto& writer : cluster_.writers) writer->set_copies_of_all_soon({all, 1, 3, 2});
}

// On one in so many nodes.
void Faults::slow_unlinks(std::uint64_t one_in, milliseconds least) {
  for (auto& node : cluster_.nodes) node->disk().slow_unlinks = cluster_.world.chance(one_in);
  cluster_.world.after(cluster_.world.between(least, least + milliseconds{14'000}), [this] {
    for (auto& node : cluster_.nodes) node->disk().slow_unlinks = false;
  });
}

void Faults::kill_node(SimDatanode& node, bool power) {
  if (!node.process().up()) return;
  if (power) {
    node.cut_power();
  } else {
    node.kill();
  }
  start_node_later(node, milliseconds{9000});
}

// At times of a disk that has been lying for a while.
void Faults::cut_power() {
  auto& node = some_node();
  if (cluster_.world.chance(2)) return kill_node(node, true);
  node.disk().lies = true;
  const auto wait = cluster_.world.between(milliseconds{2000}, milliseconds{8000});
  cluster_.world.after(wait, [this, &node] {
    if (healed_) return;
    kill_node(node, true);
    node.disk().lies = false;
  });
}

void Faults::start_node_later(SimDatanode& node, milliseconds longest) {
  cluster_.world.after(cluster_.world.between(milliseconds{300}, longest), [&node] {
    if (!node.process().up()) node.start();
  });
}

// A writer has written a part of its file when the namenode is killed, and a node that has it goes
// too and comes back without it: what the writer was told of that part is so no more, and only
// reports can tell.
void Faults::lose_before_takeover() {
  auto& writer = *cluster_.writers[cluster_.world.below(cluster_.writers.size())];
  once([&writer] { return writer.between_blocks(); }, milliseconds{8000},
       [this, &writer] {
         auto& node = some_node();
         if (!cluster_.namenode.process().up() || !node.process().up()) return;
         kill_namenode(false);
         node.kill();
         for (const auto& block : writer.written_blocks()) node.lose_one_of_several(block);
         start_node_later(node, milliseconds{1500});
         if (cluster_.world.chance(2)) suspend(writer.process(), milliseconds{4000});
       });
}

void Faults::kill_namenode(bool restore) {
  auto& namenode = cluster_.namenode;
  if (!namenode.process().up()) return;
  namenode.kill();
  if (restore) {
    namenode.restore_copy();  // While writers of the life that ends go on.
  }
  start_namenode_later();
}

void Faults::start_namenode_later() {
  cluster_.world.after(cluster_.world.between(milliseconds{100}, milliseconds{3000}),
                       [this] { start_namenode(); });
}

void Faults::start_namenode() {
  if (cluster_.namenode.process().up()) return;
  cluster_.namenode.start();
  for (const auto& node : cluster_.nodes) {
    if (node->orders_waiting() > 0) {
      cluster_.world.note("a deletion in flight at a change of leadership");
    }
  }
}

std::pair<Place, Place> Faults::some_wire() {
  const auto places = 1 + cluster_.nodes.size() + cluster_.writers.size();
  const auto from = static_cast<Place>(cluster_.world.below(places));
  return {from, static_cast<Place>(cluster_.world.below(places))};
}

// As long as makes a datanode connect anew, or shorter. Most often from or to the namenode.
void Faults::put_out_wire() {
  auto [from, to] = some_wire();
  if (!cluster_.world.chance(4)) from = kNamenode;
  if (cluster_.world.chance(2)) std::swap(from, to);
  const auto length = cluster_.world.between(milliseconds{1000}, milliseconds{8000});
  cluster_.network.put_out(from, to, length);
  if (cluster_.world.chance(2)) cluster_.network.put_out(to, from, length);
}

void Faults::cut_wire() {
  const auto [from, to] = some_wire();
  cluster_.network.cut(from, to);
  if (cluster_.world.chance(2)) cluster_.network.cut(to, from);
  cluster_.world.after(cluster_.world.between(milliseconds{500}, milliseconds{8000}),
                       [this, from = from, to = to] {
                         cluster_.network.mend(from, to);
                         cluster_.network.mend(to, from);
                       });
}

void Faults::disk() {
  auto& node = some_node();
  switch (cluster_.world.below(5)) {
    case 0:
      node.disk().slow = true;
      break;
    case 1:
      node.disk().hang(SimDisk::Hangs::kAll);
      break;
    case 2:
      node.disk().hang(SimDisk::Hangs::kSyncs);
      break;
    case 3:
      node.disk().fails = true;
      node.check_one();
      break;
    default:
      node.disk().lies = true;
      break;
  }
  cluster_.world.after(cluster_.world.between(milliseconds{1000}, milliseconds{12'000}), [&node] {
    node.disk().slow = false;
    node.disk().lies = false;
    node.disk().fails = false;
    node.disk().hang(SimDisk::Hangs::kNot);
  });
}

void Faults::heal() {
  healed_ = true;
  cluster_.network.heal();
  cluster_.namenode.slow_log(false);
  start_namenode();
  cluster_.namenode.process().go_on();
  for (auto& node : cluster_.nodes) {
    node->disk().slow = false;
    node->disk().slow_unlinks = false;
    node->disk().lies = false;
    node->disk().fails = false;
    node->disk().hang(SimDisk::Hangs::kNot);
    if (!node->process().up()) node->start();
    node->process().go_on();
  }
  for (auto& writer : cluster_.writers) writer->process().go_on();
}

}  // namespace minidfs::sim
