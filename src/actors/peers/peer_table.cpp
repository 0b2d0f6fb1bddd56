#include "actors/peers/peer_table.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/random_id.hpp"

namespace minidfs::actors {

using consensus::ConnectionEpoch;
using consensus::MemberId;

std::vector<ProcessId> PeerTable::reach(const std::vector<consensus::MemberAddress>& members,
                                        TimePoint now) {
  std::set<MemberId> wanted;
  for (const auto& member : members) {
    if (member.id == self_ || member.id == 0) continue;
    wanted.insert(member.id);
    auto& peer = peers_[member.id];
    if (!peer.wanted) peer.since = peer.state == State::kApart ? now : peer.since;
    if (!peer.wanted || peer.address != member.address) {
      peer.again = {};
      peer.dial_at = now;
    }
    peer.wanted = true;
    peer.address = member.address;
  }
  std::vector<ProcessId> cut;
  for (auto& [id, peer] : peers_) {
    if (wanted.contains(id) || !peer.wanted) continue;
    peer.wanted = false;
    if (peer.state != State::kApart) cut.push_back(peer.process);
  }
  return cut;
}

std::vector<ProcessId> PeerTable::processes() const {
  std::vector<ProcessId> processes;
  for (const auto& [id, peer] : peers_) {
    if (peer.state != State::kApart) processes.push_back(peer.process);
  }
  return processes;
}

bool PeerTable::is_making(const Peer& peer, TimePoint now) const {
  const bool makes = peer.state == State::kConfirming || peer.state == State::kComing;
  return makes && now < peer.since + times_.making_max;
}

// --- They come ---------------------------------------------------------------------------------

Status PeerTable::judge(const Caller& caller, TimePoint now) const {
  if (caller.wanted != self_) {
    return Error{Errc::kNotFound, "is member " + hex_64(self_) + ", and member " +
                                      hex_64(caller.wanted) + " is wanted"};
  }
  const Error twin{Errc::kInUse, "another process takes part as member " + hex_64(caller.member) +
                                     " already: two must not run with copies of one directory"};
  if (caller.member == self_) return twin;
  const auto found = peers_.find(caller.member);
  const bool here = found != peers_.end() && found->second.state == State::kOpen &&
                    found->second.process == caller.process;
  if (!here && is_seen_otherwise(caller.member, caller.process, now)) return twin;
  if (found == peers_.end()) return {};
  const auto& peer = found->second;
  const bool same = peer.process == caller.process;
  if (peer.state == State::kOpen && !same && now < peer.heard + times_.alive) return twin;
  if (!is_making(peer, now)) return {};
  const bool own = peer.state == State::kConfirming && self_ < caller.member;
  if (own || (peer.state == State::kComing && !same)) {
    return Error{Errc::kBusy, "a connection to member " + hex_64(caller.member) +
                                  " is about to be there already"};
  }
  return {};
}

Result<std::optional<ProcessId>> PeerTable::claim(const Caller& caller, TimePoint now) {
  MDFS_CHECK(judge(caller, now));
  forget_strangers(now);
  auto& peer = peers_[caller.member];
  std::optional<ProcessId> cut;
  if (peer.state != State::kApart && peer.process != caller.process) cut = peer.process;
  enter(peer, State::kComing, caller.process, now);
  return cut;
}

// --- This one dials ----------------------------------------------------------------------------

PeerTable::Due PeerTable::due(MemberId member) const {
  const auto found = peers_.find(member);
  if (found == peers_.end() || !found->second.wanted) return {};
  const auto& peer = found->second;
  switch (peer.state) {
    case State::kOpen:
      return {Due::What::kRemind, peer.reminded + times_.remind};
    case State::kConfirming:
    case State::kComing:
      return {Due::What::kDial, std::max(peer.dial_at, peer.since + times_.making_max)};
    case State::kApart:
      break;
  }
  if (peer.address.empty()) return {};
  const auto patient = self_ < member ? TimePoint{} : peer.since + times_.patience;
  return {Due::What::kDial, std::max(peer.dial_at, patient)};
}

std::string PeerTable::address(MemberId member) const {
  const auto found = peers_.find(member);
  return found == peers_.end() ? std::string() : found->second.address;
}

bool PeerTable::is_wanted(MemberId member) const {
  const auto found = peers_.find(member);
  return found != peers_.end() && found->second.wanted;
}

bool PeerTable::confirm(MemberId member, ProcessId process, TimePoint now) {
  const auto found = peers_.find(member);
  if (found == peers_.end() || !found->second.wanted) return false;
  auto& peer = found->second;
  if (peer.state == State::kOpen || is_making(peer, now)) return false;
  if (is_seen_otherwise(member, process, now)) {
    wait(peer, now);
    return false;
  }
  enter(peer, State::kConfirming, process, now);
  return true;
}

bool PeerTable::failed(MemberId member, TimePoint now) {
  const auto found = peers_.find(member);
  if (found == peers_.end()) return false;
  auto& peer = found->second;
  const bool confirmed = peer.state == State::kConfirming;
  if (confirmed) peer.state = State::kApart;
  wait(peer, now);
  return confirmed;
}

void PeerTable::reminded(MemberId member, TimePoint now) {
  const auto found = peers_.find(member);
  if (found != peers_.end()) found->second.reminded = now;
}

// --- Connections -------------------------------------------------------------------------------

void PeerTable::enter(Peer& peer, State state, ProcessId process, TimePoint now) {
  peer.state = state;
  peer.process = process;
  peer.since = now;
  peer.epoch = 0;
  peer.refused = {};
  peer.sights.clear();
}

void PeerTable::wait(Peer& peer, TimePoint now) {
  peer.again = std::clamp(peer.again * 2, times_.again_min, times_.again_max);
  peer.dial_at = now + peer.again;
}

PeerTable::Open PeerTable::open(MemberId member, Peer& peer, TimePoint now) {
  enter(peer, State::kOpen, peer.process, now);
  peer.heard = peer.reminded = now;
  peer.epoch = peer.told = ++last_epoch_;
  tell_others(peer);
  return {member, peer.epoch};
}

std::optional<PeerTable::Open> PeerTable::dialled(MemberId member, ProcessId process,
                                                  TimePoint now) {
  const auto found = peers_.find(member);
  if (found == peers_.end()) return std::nullopt;
  auto& peer = found->second;
  if (peer.state != State::kConfirming || peer.process != process || !peer.wanted) {
    return std::nullopt;
  }
  return open(member, peer, now);
}

PeerTable::Peer* PeerTable::of_process(ProcessId process, State state, MemberId& member) {
  for (auto& [id, peer] : peers_) {
    if (peer.state != state || peer.process != process) continue;
    member = id;
    return &peer;
  }
  return nullptr;
}

std::optional<PeerTable::Open> PeerTable::greeted(ProcessId process, TimePoint now) {
  MemberId member = 0;
  auto* peer = of_process(process, State::kComing, member);
  if (peer == nullptr) return std::nullopt;
  return open(member, *peer, now);
}

std::optional<PeerTable::Open> PeerTable::heard(ProcessId process, TimePoint now) {
  MemberId member = 0;
  auto* peer = of_process(process, State::kOpen, member);
  if (peer == nullptr) return std::nullopt;
  peer->heard = now;
  return Open{member, peer->epoch};
}

std::optional<ConnectionEpoch> PeerTable::epoch(MemberId member) const {
  const auto found = peers_.find(member);
  if (found == peers_.end() || found->second.state != State::kOpen) return std::nullopt;
  return found->second.epoch;
}

// One that ends as soon as it is there must not be made again without a pause.
bool PeerTable::ended(const Open& connection, TimePoint now) {
  const auto found = peers_.find(connection.member);
  if (found == peers_.end()) return false;
  auto& peer = found->second;
  if (peer.state == State::kOpen && peer.epoch == connection.epoch) {
    const bool lasted = now - peer.since >= times_.again_max;
    enter(peer, State::kApart, {}, now);
    tell_others(peer);
    peer.again = lasted ? std::chrono::milliseconds{0} : peer.again;
    peer.dial_at = now;
    if (!lasted) wait(peer, now);
  }
  if (peer.told != connection.epoch) return false;
  peer.told = 0;
  forget_strangers(now);
  return true;
}

// Of those who came by themselves nothing is kept.
void PeerTable::forget_strangers(TimePoint now) {
  std::erase_if(peers_, [&](const auto& entry) {
    const auto& peer = entry.second;
    return !peer.wanted && peer.state != State::kOpen && peer.told == 0 && !is_making(peer, now);
  });
}

// --- Who is seen -------------------------------------------------------------------------------

// One that is silent may be gone, and followed by another process.
std::vector<PeerSight> PeerTable::sights_for(MemberId to, TimePoint now) const {
  std::vector<PeerSight> sights;
  for (const auto& [id, peer] : peers_) {
    if (id == to || peer.state != State::kOpen || now >= peer.heard + times_.alive) continue;
    const auto held = std::chrono::duration_cast<std::chrono::milliseconds>(now - peer.since);
    sights.push_back({id, peer.process, static_cast<std::uint64_t>(held.count()), peer.refused});
  }
  return sights;
}

// What whoever has no say in this cluster tells counts for nothing.
std::vector<PeerTable::Twin> PeerTable::told(MemberId by, const std::vector<PeerSight>& sights,
                                             TimePoint now) {
  const auto teller = peers_.find(by);
  if (teller == peers_.end() || !teller->second.wanted || teller->second.state != State::kOpen) {
    return {};
  }
  teller->second.sights = sights;
  teller->second.told_at = now;
  std::vector<Twin> twins;
  for (const auto& sight : sights) {
    const auto found = peers_.find(sight.member);
    if (found == peers_.end() || found->second.state != State::kOpen) continue;
    auto& peer = found->second;
    if (peer.process == sight.process) continue;
    if (yields(peer, by, sight, now)) {
      twins.push_back({sight.member, peer.process});
    } else if (self_ < by && peer.refused != sight.process) {
      peer.refused = sight.process;
      teller->second.reminded = {};
    }
  }
  return twins;
}

// Whether the process here is to go, because another member has a twin of it.
bool PeerTable::yields(const Peer& peer, MemberId to, const PeerSight& sight, TimePoint now) const {
  if (to < self_) return sight.refused == peer.process;
  return peer.refused != sight.process &&
         now - peer.since < std::chrono::milliseconds(sight.held_ms);
}

bool PeerTable::is_seen_otherwise(MemberId member, ProcessId process, TimePoint now) const {
  return std::any_of(peers_.begin(), peers_.end(), [&](const auto& entry) {
    const auto& teller = entry.second;
    if (teller.state != State::kOpen || now >= teller.told_at + times_.alive) return false;
    return std::any_of(teller.sights.begin(), teller.sights.end(), [&](const PeerSight& sight) {
      return sight.member == member && sight.process != process;
    });
  });
}

void PeerTable::tell_others(const Peer& than) {
  for (auto& [id, peer] : peers_) {
    if (&peer != &than && peer.state == State::kOpen) peer.reminded = {};
  }
}

}  // namespace minidfs::actors
