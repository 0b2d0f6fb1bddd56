// What a schedule does to a cluster. Each schedule draws the kinds of fault that it uses; each
// fault ends by itself, at the latest when all are healed.
#pragma once

#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "sim/whole/cluster.hpp"

namespace minidfs::sim {

class Faults {
 public:
  explicit Faults(Cluster& cluster);

  // Now and again until heal().
  void begin();
  // Everything runs and every wire works from now on.
  void heal();
  // Kinds of fault that happened.
  std::size_t kinds() const { return happened_.size(); }

 private:
  enum class Kind : int {
    kSuspendWriter,
    kKillNode,
    kCutPower,
    kStopNode,
    kKillNamenode,
    kEndLeadership,
    kStopNamenode,
    kRestoreNamenode,
    kCutWire,
    kPutOutWire,
    kSlowNetwork,
    kDisk,
    kSlowUnlinks,
    kCopiesComeAndGo,
    kClock,
    kSlowLog,
    kFailStore,
    kLoseBeforeTakeover,
  };
  static constexpr int kKinds = static_cast<int>(Kind::kLoseBeforeTakeover) + 1;

  void next();
  void happen(Kind kind);
  void suspend(Process& process, milliseconds longest);
  void suspend_writer();
  void lose_before_takeover();
  // Does it once `ready` is true, if that is within `patience`.
  void once(std::function<bool()> ready, milliseconds patience, std::function<void()> then);
  void kill_node(SimDatanode& node, bool power);
  void cut_power();
  void start_node_later(SimDatanode& node, milliseconds longest);
  void kill_namenode(bool restore);
  std::pair<Place, Place> some_wire();
  void cut_wire();
  void put_out_wire();
  void disk();
  void slow_unlinks(std::uint64_t one_in, milliseconds least);
  void end_leadership();
  void copies_come_and_go();
  void start_namenode();
  void start_namenode_later();
  SimDatanode& some_node();

  Cluster& cluster_;
  std::vector<Kind> kinds_;
  std::set<Kind> happened_;
  bool healed_ = false;
};

}  // namespace minidfs::sim
