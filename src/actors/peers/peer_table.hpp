// Which members are connected to this one, by which process, and who dials whom. Pure: the time
// comes in. Owned by PeerConnections.
//
//            own dial is answered           the other side has it, too
//   apart ──────────────────────> confirming ───────────────────────────> open
//     ^  └──────────────────────> coming ───────────────────────────────>  │
//     │       theirs is confirmed               it has greeted             │
//     └────────────────────────────────────────────────────────────────────┘
//
// There is one connection between two members at most: CAF mixes up two between the same processes.
// Of two that dial each other at once the one with the smaller id has its way: it refuses what
// comes while its own is being confirmed, the other one takes that and gives its own up. So the
// smaller one alone decides, and both know what it decided.
//
// Members tell each other which processes they see (PeerSight). One that another member sees by
// another process is refused. When each of two members has let in another one of a member's twins
// already, the one of them with the smaller id decides again: the connection that stands for longer
// stays, the other process is refused from then on.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/admission_format.hpp"
#include "actors/peers/peer_sight.hpp"
#include "base/result.hpp"
#include "consensus/peer_link.hpp"

namespace minidfs::actors {

class PeerTable {
 public:
  using MemberId = consensus::MemberId;
  using ConnectionEpoch = consensus::ConnectionEpoch;
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Times {
    // Between two tries to reach a member; grows from one to the next up to the larger one.
    std::chrono::milliseconds again_min{50};
    std::chrono::milliseconds again_max{1'000};
    // The one with the larger id dials when it has been apart for so long: the other one may know
    // an address that is not right any more.
    std::chrono::milliseconds patience{1'000};
    // What is being made counts for so long.
    std::chrono::milliseconds making_max{2'000};
    // Who has nothing to say says that it lives.
    std::chrono::milliseconds remind{500};
    // A process that was not heard for so long may be followed by another one under its id.
    std::chrono::milliseconds alive{2'000};
  };

  PeerTable(MemberId self, Times times) : self_(self), times_(times) {}

  MemberId self() const { return self_; }

  // Those that connections are to be held to. The processes of others, whose connections are to be
  // cut.
  std::vector<ProcessId> reach(const std::vector<consensus::MemberAddress>& members, TimePoint now);

  // All whose connections are there, or are being made.
  std::vector<ProcessId> processes() const;

  // --- They come -------------------------------------------------------------------------------

  struct Caller {
    MemberId member = 0;
    MemberId wanted = 0;  // Whom it means to reach.
    ProcessId process;
  };
  // kNotFound: it looks for another member; kInUse: its member takes part by another process, here
  // or at a member that this one is connected to;
  // kBusy: this one's own connection to it is about to be there.
  Status judge(const Caller& caller, TimePoint now) const;
  // As judge(); then it is coming. What it takes the place of is to be cut.
  Result<std::optional<ProcessId>> claim(const Caller& caller, TimePoint now);

  // --- This one dials --------------------------------------------------------------------------

  struct Due {
    enum class What : unsigned char { kNothing, kDial, kRemind };
    What what = What::kNothing;
    TimePoint at = TimePoint::max();
  };
  // What is next to be done about a member.
  Due due(MemberId member) const;
  std::string address(MemberId member) const;
  bool is_wanted(MemberId member) const;
  // The member has answered by that process. False: there is another connection already, or
  // another member sees it by another process.
  bool confirm(MemberId member, ProcessId process, TimePoint now);
  // True when it had been confirmed, and nothing has come in its place: it is to be cut.
  bool failed(MemberId member, TimePoint now);
  void reminded(MemberId member, TimePoint now);

  // --- Connections -----------------------------------------------------------------------------

  struct Open {
    MemberId member = 0;
    ConnectionEpoch epoch = 0;
  };
  // The connection to that process is there: what was confirmed, or came and has greeted. None when
  // it does not count any more.
  std::optional<Open> dialled(MemberId member, ProcessId process, TimePoint now);
  std::optional<Open> greeted(ProcessId process, TimePoint now);
  // Something was heard from it; none when it is not open.
  std::optional<Open> heard(ProcessId process, TimePoint now);
  std::optional<ConnectionEpoch> epoch(MemberId member) const;  // None when it is not open.
  // True when it was open, or nothing has followed it yet: then its end is news.
  bool ended(const Open& connection, TimePoint now);

  // --- Who is seen -----------------------------------------------------------------------------

  // What is to be told to a member, with each reminder. One is due when it changes.
  std::vector<PeerSight> sights_for(MemberId to, TimePoint now) const;
  struct Twin {
    MemberId member = 0;
    ProcessId process;
  };
  // A member tells, in the place of what it told before. The processes that are to be cut.
  std::vector<Twin> told(MemberId by, const std::vector<PeerSight>& sights, TimePoint now);

 private:
  enum class State : unsigned char { kApart, kConfirming, kComing, kOpen };
  struct Peer {
    std::string address;
    bool wanted = false;
    State state = State::kApart;
    ProcessId process;
    TimePoint since{};  // Of the state, and of being wanted.
    TimePoint heard{};
    TimePoint reminded{};
    TimePoint dial_at{};
    std::chrono::milliseconds again{0};  // 0: the next try is the first one.
    ConnectionEpoch epoch = 0;           // Of kOpen.
    ConnectionEpoch told = 0;            // Its end is news; 0: none.
    ProcessId refused;                   // A twin of the process that another member has.
    // Of kOpen: what it told last, and when.
    std::vector<PeerSight> sights;
    TimePoint told_at{};
  };

  void enter(Peer& peer, State state, ProcessId process, TimePoint now);
  void wait(Peer& peer, TimePoint now);
  Open open(MemberId member, Peer& peer, TimePoint now);
  bool is_making(const Peer& peer, TimePoint now) const;
  void forget_strangers(TimePoint now);
  bool is_seen_otherwise(MemberId member, ProcessId process, TimePoint now) const;
  bool yields(const Peer& peer, MemberId to, const PeerSight& sight, TimePoint now) const;
  void tell_others(const Peer& than);
  Peer* of_process(ProcessId process, State state, MemberId& member);

  const MemberId self_;
  const Times times_;
  std::map<MemberId, Peer> peers_;
  ConnectionEpoch last_epoch_ = 0;
};

}  // namespace minidfs::actors
