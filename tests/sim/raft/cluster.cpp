#include "sim/raft/cluster.hpp"

#include <algorithm>

namespace minidfs::sim::raft {
namespace {

constexpr milliseconds kSeedPatience{1500};
constexpr int kClockOff = 10;  // Percent.
constexpr int kJoiners = 2;

}  // namespace

// Three or five voters, or one and two that may join it.
Cluster::Cluster(std::uint64_t seed) : world(seed) {
  began_alone_ = world.chance(12);
  const MemberId count = began_alone_ ? 1 : world.chance(2) ? 3 : 5;
  std::vector<MemberId> voters;
  for (MemberId id = 1; id <= count; ++id) voters.push_back(id);
  last_member_ = count;
  for (const auto id : voters) {
    members.push_back(std::make_unique<Member>(*this, id, MemberSet{voters, {}}));
    members.back()->clock_fast = static_cast<int>(world.below(2 * kClockOff)) - kClockOff;
  }
}

void Cluster::start() {
  for (auto& member : members) member->start();
  for (int i = 0; began_alone_ && i < kJoiners; ++i) add_empty_member();
  for (int i = 0; i < kClients; ++i) client();
}

Member* Cluster::find(MemberId id) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [id](const auto& member) { return member->id() == id; });
  return found == members.end() ? nullptr : found->get();
}

Member* Cluster::leader() {
  Member* leader = nullptr;
  for (const auto& member : members) {
    if (!member->leads()) continue;
    if (leader == nullptr || member->core().term() > leader->core().term()) leader = member.get();
  }
  return leader;
}

Member& Cluster::add_empty_member() {
  members.push_back(std::make_unique<Member>(*this, ++last_member_, MemberSet{}));
  members.back()->start();
  return *members.back();
}

void Cluster::start_later(Member& member) {
  world.after(world.between(milliseconds{50}, milliseconds{2500}), [&member] {
    if (!member.process().up()) member.start();
  });
}

// --- The network ------------------------------------------------------------------------------

void Cluster::send(MemberId to, Packet packet) {
  auto* target = find(to);
  if (target == nullptr || is_cut(packet.from, to) || (lossy && world.chance(5))) return;
  const auto copies = doubles && world.chance(5) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    auto delay = world.between(milliseconds{0}, milliseconds{3});
    if (i > 0 && world.chance(2)) delay = world.between(milliseconds{3}, milliseconds{1500});
    if (slow && world.chance(6)) delay = world.between(milliseconds{20}, milliseconds{2500});
    if (late_.contains(to)) delay = world.between(milliseconds{200}, milliseconds{450});
    world.after(delay, [this, target, packet] {
      if (is_cut(packet.from, target->id())) return;
      auto& process = target->process();
      process.arrive(process.life(), [target, packet] { target->arrive(packet); });
    });
  }
}

void Cluster::send_seed(Member& from, MemberId to, milliseconds takes) {
  const auto life = from.process().life();
  world.after(takes, [this, &from, life, to, state = from.state()] {
    seed_arrives(from, life, to, state);
  });
}

// Its sender hears that it has ended, or gives it up after a while.
void Cluster::seed_arrives(Member& from, std::uint64_t life, MemberId to, const SimState& state) {
  const auto ended = [&from, life, to] {
    from.process().arrive(life, [&from, to] { from.seed_ended(to); });
  };
  auto* target = find(to);
  if (target == nullptr || is_cut(from.id(), to) || !target->process().works()) {
    return world.after(kSeedPatience, ended);
  }
  auto& process = target->process();
  world.after(kSeedPatience, ended);
  process.arrive(process.life(), [target, state, ended] { target->take_seed(state, ended); });
}

void Cluster::heal_network() {
  healed = true;
  cut_.clear();
  late_.clear();
  lossy = slow = doubles = false;
}

// --- Clients ----------------------------------------------------------------------------------

// Most ask one that leads, be there a newer one or not; some ask one that never did.
Member& Cluster::whom_to_ask() {
  std::vector<Member*> leaders;
  for (const auto& member : members) {
    if (member->leads()) leaders.push_back(member.get());
  }
  if (leaders.empty() || world.chance(6)) return *members[world.below(members.size())];
  return *leaders[world.below(leaders.size())];
}

void Cluster::read_from(Member& member) {
  member.read([this, asked_after = history.told()](std::optional<Index> index) {
    if (index) history.read(asked_after, *index);
  });
}

void Cluster::client() {
  if (clients_stopped_) return;
  auto& member = whom_to_ask();
  if (world.chance(3)) {
    read_from(member);
  } else {
    std::vector<std::uint64_t> commands(1 + world.below(4));
    for (auto& command : commands) command = next_command();
    member.propose(commands, [this, asked_after = history.told()](std::optional<Index> index) {
      if (index) history.wrote(asked_after, *index);
    });
  }
  world.after(world.between(milliseconds{2}, milliseconds{60}), [this] { client(); });
}

}  // namespace minidfs::sim::raft
