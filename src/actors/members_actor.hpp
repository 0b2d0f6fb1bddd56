// The actor that serves what is asked about the members of the cluster: by namenodes that join, and
// by operators. Waits for no disk, and for the log only by messages.
#pragma once

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/interfaces.hpp"
#include "actors/internal_messages.hpp"
#include "actors/join_rules.hpp"
#include "actors/namespace_digests.hpp"
#include "actors/request_lane.hpp"
#include "consensus/log.hpp"

namespace minidfs::actors {

// The log's answers to what this actor asked of it, under the numbers it gave.
struct MembersChanged {
  std::uint64_t ticket = 0;
  consensus::ChangeAnswer answer;
};
// What is known of the hosts of a joiner and of the members, under the number of the look-up.
struct HostsKnown {
  std::uint64_t ticket = 0;
  LocalHosts hosts;
};
struct LeadershipMoved {
  std::uint64_t ticket = 0;
  Status outcome;
};

}  // namespace minidfs::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::MembersChanged)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::HostsKnown)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::LeadershipMoved)

namespace minidfs::actors {

using MembersActor = ServedByMembers::extend<
    // What the process itself sends.
    caf::reacts_to<MembersChanged>, caf::reacts_to<HostsKnown>, caf::reacts_to<LeadershipMoved>,
    caf::reacts_to<LeadingTold>, caf::reacts_to<LogBatch>>;

// What the wiring hands to the actor. The log and the digests outlive it.
struct MembersParts {
  consensus::Log* log = nullptr;
  NamespaceDigests* digests = nullptr;
  ClusterId cluster;
  RequestLanePtr lane;  // That requests come by.
  // Whether a process was admitted as a namenode.
  std::function<bool(const caf::node_id&)> is_namenode;
  // As find_local_hosts().
  std::function<void(const std::vector<std::string>& addresses, std::function<void(LocalHosts)>)>
      find_local_hosts;
};

class MembersActorState {
 public:
  static inline const char* name = "members";

  using Self = MembersActor::stateful_base<MembersActorState>;

  void start(Self* self, MembersParts parts);
  std::optional<caf::error> refuse(const Patience& /*patience*/) { return std::nullopt; }
  const RequestLanePtr& lane() const { return parts_.lane; }

  caf::result<Joined> join(const JoinCluster& wish);
  caf::result<QuorumReply> quorum(const QuorumRequest& request);
  caf::result<Accepted> transfer(const TransferLeadership& wish);
  caf::result<Accepted> remove(const RemoveNamenode& wish);
  caf::result<MarkedForDigests> mark();
  DigestReply digest(const DigestRequest& request) const;

  void take(MembersChanged& changed);
  void take(HostsKnown& known);
  void take(LeadershipMoved& moved);
  void take(const LeadingTold& told);
  void take(LogBatch& batch);

 private:
  using Clock = std::chrono::steady_clock;
  // Told how the change has ended.
  using Ended = std::function<void(consensus::ChangeAnswer&)>;

  struct Joining {
    JoinCluster wish;
    caf::typed_response_promise<Joined> promise;
    std::optional<LocalHosts> hosts{};  // None: not asked for yet.
  };

  void go_on(Joining joining);
  void add(const consensus::AddLearner& add, caf::typed_response_promise<Joined> promise);
  void look_up_hosts(const consensus::QuorumStatus& status, Joining joining);
  void change(consensus::MembersChange change, Ended ended);

  Self* self_ = nullptr;
  MembersParts parts_;
  consensus::ChannelId channel_ = 0;
  std::uint64_t last_ticket_ = 0;
  std::map<std::uint64_t, Ended> changes_;
  std::map<std::uint64_t, Joining> look_ups_;
  std::map<std::uint64_t, caf::typed_response_promise<Accepted>> transfers_;
  std::map<std::uint64_t, caf::typed_response_promise<MarkedForDigests>> marks_;  // By the mark.
  consensus::Leading leading_;
  Clock::time_point led_since_{};
};

MembersActor::behavior_type members_actor(MembersActor::stateful_pointer<MembersActorState> self,
                                          MembersParts parts);

}  // namespace minidfs::actors
