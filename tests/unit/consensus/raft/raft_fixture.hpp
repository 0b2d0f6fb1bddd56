// One RaftCore with a clock and a disk in the test's hand: effects are kept until they are asked
// for, and nothing is durable before the test says so.
#pragma once

#include <catch2/catch.hpp>
#include <utility>
#include <vector>

#include "consensus/raft/raft_core.hpp"

namespace minidfs::consensus {

class OneMember {
 public:
  static constexpr MemberId kSelf = 1;

  explicit OneMember(MemberSet members, HardState hard_state = {}, std::vector<Term> log = {},
                     Index applied = 0)
      : core_(options()) {
    std::vector<EntryInfo> infos;
    for (const auto term : log) infos.push_back({term, EntryKind::kCommand, 100});
    std::vector<MembersAt> at;
    if (!members.empty()) at.push_back({0, std::move(members)});
    step(Started{hard_state, {}, infos, at, 0, applied});
  }

  void step(const RaftEvent& event) {
    for (auto& effect : core_.step(event, now_)) {
      if (const auto* hard_state = std::get_if<StoreHardState>(&effect)) write_ = hard_state->write;
      if (const auto* cut = std::get_if<CutLog>(&effect)) write_ = cut->write;
      if (const auto* entries = std::get_if<StoreEntries>(&effect)) write_ = entries->write;
      effects_.push_back(std::move(effect));
    }
  }
  // All that was asked for becomes durable.
  void store() { step(Stored{write_}); }
  void pass(std::chrono::milliseconds time) {
    now_ += time;
    step(Tick{});
  }
  void propose(std::size_t count = 1) {
    const std::vector<std::uint32_t> bytes(count, 100);
    step(Proposed{bytes});
  }
  template <class Body>
  void hear(MemberId from, Term term, Body body) {
    step(MessageArrived{from, {term, std::move(body)}, {}, {}});
  }
  void hear_entries(MemberId from, Term term, Position prev, const std::vector<Term>& terms,
                    Index committed = 0) {
    std::vector<EntryInfo> infos;
    for (const auto each : terms) infos.push_back({each, EntryKind::kCommand, 100});
    step(MessageArrived{
        from, {term, Append{prev, prev.index + terms.size(), committed, 1}}, infos, {}});
  }

  // Takes what has happened since the last time, of one kind.
  template <class Effect>
  std::vector<Effect> take() {
    std::vector<Effect> taken;
    std::erase_if(effects_, [&taken](const RaftEffect& effect) {
      const auto* wanted = std::get_if<Effect>(&effect);
      if (wanted != nullptr) taken.push_back(*wanted);
      return wanted != nullptr;
    });
    return taken;
  }
  // Messages of one kind, with whom they went to.
  template <class Body>
  std::vector<std::pair<MemberId, Body>> sent() {
    std::vector<std::pair<MemberId, Body>> messages;
    std::erase_if(effects_, [&messages](const RaftEffect& effect) {
      const auto* send = std::get_if<Send>(&effect);
      const auto* body = send == nullptr ? nullptr : std::get_if<Body>(&send->message.body);
      if (body != nullptr) messages.emplace_back(send->to, *body);
      return body != nullptr;
    });
    return messages;
  }
  void forget() { effects_.clear(); }

  // Has itself elected, by all that were asked.
  void be_elected() {
    pass(std::chrono::milliseconds{500});
    for (const auto& [to, asked] : sent<PreVote>()) {
      hear(to, core_.term() + 1, PreVoteReply{true});
    }
    store();
    for (const auto& [to, asked] : sent<Vote>()) hear(to, core_.term(), VoteReply{true});
    REQUIRE(core_.role() == Role::kLeader);
    store();
  }
  // Followers have all that there is, and have answered the last round.
  void be_answered(std::vector<MemberId> by) {
    for (const auto from : by) {
      hear(from, core_.term(), AppendReply{.accepted = true, .matched = core_.log().last_index()});
    }
  }

  const RaftCore& core() const { return core_; }

 private:
  static RaftCore::Options options() {
    RaftCore::Options options;
    options.self = kSelf;
    options.message_bytes_max = 1000;
    options.inflight_bytes_max = 3000;
    return options;
  }

  RaftCore core_;
  RaftCore::TimePoint now_{};
  std::vector<RaftEffect> effects_;
  std::uint64_t write_ = 0;
};

inline const MemberSet kThree({1, 2, 3}, {});

}  // namespace minidfs::consensus
