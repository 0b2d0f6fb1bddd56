#include <algorithm>
#include <type_traits>
#include <utility>

#include "base/error.hpp"
#include "consensus/raft/raft_core.hpp"

namespace minidfs::consensus {
namespace {

bool is_well_formed(const MessageArrived& event, const Append& append) {
  if (append.last < append.prev.index) return false;
  if (event.entries.size() != append.last - append.prev.index) return false;
  auto members = event.members.begin();
  auto at = append.prev;
  for (const auto& entry : event.entries) {
    if (entry.term < at.term) return false;
    at = {entry.term, at.index + 1};
    if (entry.kind != EntryKind::kMembers) continue;
    if (members == event.members.end() || members->index != at.index) return false;
    ++members;
  }
  return at.term <= event.message.term && members == event.members.end();
}

}  // namespace

void RaftCore::on(const MessageArrived& event) {
  if (event.from == 0 || event.from == options_.self || !takes_term(event)) return;
  const auto& message = event.message;
  std::visit(
      [&](const auto& body) {
        if constexpr (std::is_same_v<std::decay_t<decltype(body)>, Append>) {
          on_append(event, body);
        } else {
          on(event.from, message.term, body);
        }
      },
      message.body);
}

// A newer term makes everybody follow (3.3), but for terms that are only thought of, and for those
// of elections while a leader works (4.2.3).
bool RaftCore::takes_term(const MessageArrived& event) {
  const auto& message = event.message;
  if (std::holds_alternative<PreVote>(message.body)) return true;
  const auto* pre_vote_reply = std::get_if<PreVoteReply>(&message.body);
  if (pre_vote_reply != nullptr && pre_vote_reply->granted) return true;
  if (message.term > hard_.term) {
    const auto* vote = std::get_if<Vote>(&message.body);
    if (vote != nullptr && !vote->transfer && hears_a_leader()) return false;
    follow(message.term, 0);
  }
  if (message.term < hard_.term) answer_of_before(event.from, message);
  return message.term == hard_.term;
}

// Who lives in a term that is over learns of this one.
void RaftCore::answer_of_before(MemberId from, const Message& message) {
  if (std::holds_alternative<Vote>(message.body)) send(from, {hard_.term, VoteReply{}});
  if (std::holds_alternative<Append>(message.body)) send(from, {hard_.term, AppendReply{}});
}

void RaftCore::on_append(const MessageArrived& event, const Append& append) {
  const bool other_leader = leader_ != 0 && leader_ != event.from;  // A term has but one.
  if (other_leader || !is_well_formed(event, append)) return;
  follow(hard_.term, event.from);
  leader_heard_at_ = now_;
  await_leader();
  if (contradicts_committed(event, append)) return;
  // What is committed is in every leader's log (3.6.3), whatever this one says to be before it.
  if (append.prev.index >= committed_ && !log_.contains(append.prev)) {
    refuse(event.from, append);
  } else {
    accept(event, append);
  }
}

bool RaftCore::contradicts_committed(const MessageArrived& event, const Append& append) const {
  if (committed_ <= append.prev.index || committed_ > append.last) return false;
  const auto& entry = event.entries[static_cast<std::size_t>(committed_ - append.prev.index - 1)];
  return !log_.contains({entry.term, committed_});
}

// An answer says up to where this log is as the leader's, which may be less than it holds.
void RaftCore::accept(const MessageArrived& event, const Append& append) {
  const auto agreed = std::max(append.prev.index, committed_);
  const auto end = std::max(append.last, agreed);
  const auto first = append_new(event, append, agreed);
  committed_ = std::max(committed_, std::min(append.committed, end));
  members_.settle(committed_);
  AppendReply reply{.accepted = true, .round = append.round, .applied = applied_};
  if (first != 0) {
    store_entries(first);
    reply.matched = end;
    send_when_stored(event.from, {hard_.term, reply}, write_);
  } else {
    reply.matched = std::min(end, stored_);
    send(event.from, {hard_.term, reply});
  }
}

// Appends what the log does not have of the entries after `after`, in the place of what the leader
// has not (3.5). Returns the first that is new, 0 when none is.
Index RaftCore::append_new(const MessageArrived& event, const Append& append, Index after) {
  const auto info = [&](Index index) -> const EntryInfo& {
    return event.entries[static_cast<std::size_t>(index - append.prev.index - 1)];
  };
  auto first = after + 1;
  while (first <= append.last && log_.contains({info(first).term, first})) ++first;
  if (first > append.last) return 0;
  if (first <= log_.last_index()) cut(first);
  for (auto index = first; index <= append.last; ++index) {
    log_.append(info(index).term, info(index).bytes);
  }
  bool changed = false;
  for (const auto& at : event.members) {
    if (at.index < first) continue;
    members_.add(at);
    changed = true;
  }
  if (changed) members_changed();
  return first;
}

// The hint skips all that cannot be in the leader's log (3.5).
void RaftCore::refuse(MemberId from, const Append& append) {
  AppendReply reply{.refused = append.prev.index, .round = append.round, .applied = applied_};
  reply.hint = log_.last_not_above({append.prev.term, append.prev.index - 1});
  if (reply.hint.index < committed_) reply.hint = {*log_.term_at(committed_), committed_};
  send(from, {hard_.term, reply});
}

}  // namespace minidfs::consensus
