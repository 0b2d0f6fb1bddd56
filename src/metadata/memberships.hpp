// A datanode and all namenodes of its cluster: one membership for each, given by address or learnt
// from what namenodes tell of their members, so that each of them knows what the node holds when it
// comes to lead. Whose orders are obeyed is decided once for all (metadata/order_authority.hpp).
// Pure: events and the time come in, effects go out. Owned by the datanode actor.
//
// When the one that leads is lost the others are told at once what it was told last: one of them is
// about to lead.
//
// The members that a leader names count, by the newest term; until one has spoken, those that
// anybody names. One that is reached by two addresses keeps the one that answered first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "metadata/membership.hpp"
#include "metadata/order_authority.hpp"
#include "metadata/quorum.hpp"

namespace minidfs::metadata {

// Of a membership within the node; never used again.
using MembershipNumber = std::uint64_t;

struct MembershipStep {
  MembershipNumber number = 0;
  MembershipEffect effect;
};

class Memberships {
 public:
  // `known` is what the disk says. REQUIRES: at least one address.
  Memberships(const MembershipOptions& options, const KnownEpoch& known,
              const std::vector<Endpoint>& given);
  Memberships(const Memberships&) = delete;
  Memberships& operator=(const Memberships&) = delete;

  // An event of one membership; of one that is no more it changes nothing.
  std::vector<MembershipStep> step(MembershipNumber number, const MembershipEvent& event,
                                   TimePoint now);
  // What its namenode has told of its members: memberships may begin, and others be no more.
  void learn(MembershipNumber number, const QuorumView& view);
  // It is next_wake(), or later, or earlier.
  std::vector<MembershipStep> wake(TimePoint now);
  std::vector<MembershipStep> leave(TimePoint now);

  std::optional<TimePoint> next_wake() const;
  bool contains(MembershipNumber number) const { return entries_.contains(number); }
  std::vector<MembershipNumber> numbers() const;
  // REQUIRES: contains(number).
  const Endpoint& address(MembershipNumber number) const { return entries_.at(number).address; }
  const KnownEpoch& known() const { return authority_.known(); }

 private:
  struct Entry {
    Endpoint address;
    bool given = false;
    QuorumId member = 0;  // Who answers there; 0: not known yet.
    Membership membership;
  };

  void add(const Endpoint& address, bool given);
  bool is_led() const;
  bool is_twin(MembershipNumber number, QuorumId member) const;
  void follow_members();

  MembershipOptions options_;
  OrderAuthority authority_;
  std::map<MembershipNumber, Entry> entries_;
  MembershipNumber last_number_ = 0;
  std::uint64_t term_ = 0;  // Of the leader that named the members; 0: none has.
  std::vector<QuorumMember> members_;
};

}  // namespace minidfs::metadata
