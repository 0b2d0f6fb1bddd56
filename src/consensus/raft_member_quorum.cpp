#include <algorithm>
#include <utility>

#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "consensus/members_format.hpp"
#include "consensus/raft_member.hpp"

namespace minidfs::consensus {
namespace {

// Of the log's end that every member keeps: whoever leads next can help who was away for a while.
constexpr std::uint64_t kAlwaysKeptBytes = 32 << 20;
// For so long the log is kept for a member that is silent.
constexpr std::chrono::seconds kSilentKept{10};

Error refused(Refusal why) {
  switch (why) {
    case Refusal::kNotLeader:
      return {Errc::kNotLeader, "this namenode is not the leader"};
    case Refusal::kTransferring:
      return {Errc::kBusy, "leadership is being handed over"};
    case Refusal::kNotReady:
      return {Errc::kBusy, "the leader has just begun"};
    case Refusal::kChangePending:
      return {Errc::kBusy, "another change of members is under way"};
    case Refusal::kNotCaughtUp:
      return {Errc::kUnavailable, "the learner has not caught up yet"};
    case Refusal::kNotReachable:
      return {Errc::kUnavailable, "too few members can be reached"};
    case Refusal::kNoSuchMember:
      return {Errc::kNotFound, "no such member"};
    case Refusal::kUnsafe:
    case Refusal::kTimedOut:
      break;
  }
  return {Errc::kInvalidArgument, "not a change of one member"};
}

}  // namespace

// --- Messages ---------------------------------------------------------------------------------

Status RaftMember::arrived(MemberId from, Packet packet, TimePoint now) {
  const auto members = members_in(packet.entries);
  if (!members.ok()) {
    log_warn("namenode", "entries of {} are not taken: {}", name_of(from), members.error().message);
    return {};
  }
  std::vector<EntryInfo> infos;
  infos.reserve(packet.entries.size());
  for (const auto& entry : packet.entries) {
    infos.push_back({entry.term, entry.kind, static_cast<std::uint32_t>(entry.payload.size())});
  }
  incoming_ = std::move(packet.entries);
  auto status = step(MessageArrived{from, packet.message, infos, *members}, now);
  incoming_.clear();
  return status;
}

Result<std::vector<MembersAt>> RaftMember::members_in(const std::vector<Entry>& entries) const {
  std::vector<MembersAt> members;
  for (const auto& entry : entries) {
    if (entry.kind != EntryKind::kMembers) continue;
    MDFS_TRY(const auto roster,
             decode_members(entry.payload, "entry " + std::to_string(entry.index)));
    members.push_back({entry.index, roster.set()});
  }
  return members;
}

Status RaftMember::carry_out(const Send& effect) {
  if (!options_.send) return {};
  auto message = effect.message;
  if (auto* reply = std::get_if<AppendReply>(&message.body)) reply->disk = disk();
  MDFS_TRY(auto bytes, encode(message));
  options_.send(effect.to, std::move(bytes));
  return {};
}

Result<std::string> RaftMember::encode(const Message& message) const {
  const auto* append = std::get_if<Append>(&message.body);
  if (append == nullptr || append->last == append->prev.index) return encode_message(message, {});
  const auto first = append->prev.index + 1;
  const auto recent = recent_.between(first, append->last);
  if (!recent.empty()) return encode_message(message, recent);
  const auto count = append->last - append->prev.index;
  std::vector<Entry> entries;
  while (entries.size() < count) {
    MDFS_TRY(auto more, log_->read(first + entries.size(), kMessageMaxBytes));
    std::move(more.begin(), more.end(), std::back_inserter(entries));
  }
  entries.resize(count);
  return encode_message(message, entries);
}

// --- Reads ------------------------------------------------------------------------------------

Status RaftMember::ask_to_read(std::uint64_t read, TimePoint now) {
  return step(ReadAsked{read}, now);
}

Status RaftMember::carry_out(const ReadConfirmed& effect) {
  reads_.push_back({effect.reads, effect.index});
  return {};
}

Status RaftMember::carry_out(const ReadRefused& effect) {
  reads_.push_back({effect.reads, std::nullopt});
  return {};
}

// What leaders before this one have answered is in the log up to the first entry of this one.
void RaftMember::judge_alone() {
  const bool alone = leads() && roster().is_only_voter(self()) && applied_ >= own_first_;
  leads_alone_.store(alone, std::memory_order_release);
}

// --- Members ----------------------------------------------------------------------------------

Result<Result<Index>> RaftMember::change(const MembersChange& change, TimePoint now) {
  if (!leads()) return Result<Index>(refused(Refusal::kNotLeader));
  auto roster = with_change(rosters_.latest(), change);
  if (!roster.ok()) return Result<Index>(std::move(roster).error());
  wanted_ = std::move(roster).value();
  const MembersAsked asked{wanted_->set(), std::holds_alternative<ChangeAddress>(change)};
  auto status = step(asked, now);
  wanted_.reset();
  if (!status.ok()) return std::move(status).error();
  if (const auto why = std::exchange(change_refusal_, {})) return Result<Index>(refused(*why));
  return Result<Index>(rosters_.latest_index());
}

Status RaftMember::carry_out(const ChangeRefused& effect) {
  change_refusal_ = effect.why;
  return {};
}

std::optional<MembersChange> RaftMember::due_change() const {
  if (!leads() || transferring_ || !roster_is_committed()) return std::nullopt;
  const auto removals = due_removals(roster());
  if (!removals.empty()) return removals.front();
  if (!core_.promotion()) return std::nullopt;
  return PromoteLearner{core_.members().learners().front()};
}

// Before the others hear of it: with a second voter this one does not decide alone.
Status RaftMember::carry_out(const MembersChanged&) {
  roster_changed_ = true;
  if (!roster().is_only_voter(self())) leads_alone_.store(false, std::memory_order_release);
  return {};
}

bool RaftMember::hears(MemberId id, TimePoint now) const {
  const auto found = progress().find(id);
  return found != progress().end() && now - found->second.heard_at < options_.election_max;
}

// --- Handing over -----------------------------------------------------------------------------

Status RaftMember::transfer(MemberId to, TimePoint now) {
  transferring_ = leads();
  return step(TransferAsked{to}, now);
}

Status RaftMember::carry_out(const TransferEnded& effect) {
  transferring_ = false;
  transfer_end_ = effect.why;
  return {};
}

// --- Seeds ------------------------------------------------------------------------------------

Status RaftMember::carry_out(const Seed& effect) {
  seeds_.push_back(effect.to);
  return {};
}

void RaftMember::pin(MemberId member, Index from) { pins_[member] = {from, false}; }

void RaftMember::loosen_pin(MemberId member) {
  const auto found = pins_.find(member);
  if (found != pins_.end()) found->second.moves = true;
}

// Until nothing is left to be sent, or the member has gone.
void RaftMember::move_pins(TimePoint now) {
  for (auto& [member, pin] : pins_) {
    const auto found = progress().find(member);
    if (pin.moves && found != progress().end()) {
      pin.from = std::max(pin.from, found->second.matched + 1);
    }
  }
  std::erase_if(pins_, [&](const auto& each) {
    const auto& [member, pin] = each;
    if (!pin.moves) return false;
    const auto found = progress().find(member);
    if (found == progress().end() || now - found->second.heard_at > kSilentKept) return true;
    return found->second.state == FollowerProgress::State::kStreaming && pin.from > last();
  });
}

std::optional<SeedBegin> RaftMember::seed_at(Index index) const {
  const auto term = core_.log().term_at(index);
  if (!term) return std::nullopt;
  const auto& at = rosters_.at(index);
  if (at.roster.empty()) return std::nullopt;
  return SeedBegin{random_128().low, {*term, index}, encode_members(at.roster)};
}

Status RaftMember::seed_ended(MemberId member, bool installed, TimePoint now) {
  return step(SeedEnded{member, installed}, now);
}

Status RaftMember::seeded(Position position, const std::string& members, TimePoint now) {
  MDFS_ASSERT(written_ == asked_ && !is_syncing() && !leads());
  MDFS_TRY(auto roster, decode_members(members, "a seed's members"));
  MDFS_CHECK(log_->begin_again(position, {position.index, members}));
  const auto set = roster.set();
  window_.clear();
  recent_.clear();
  uncommitted_bytes_ = 0;
  taken_ = committed_ = applied_ = position.index;
  rosters_.reset({position.index, std::move(roster)});
  return step(Seeded{position, set}, now);
}

// What the slowest of those who live needs, within bounds.
Index RaftMember::needed_from(TimePoint now) const {
  if (roster().members().size() <= 1 && pins_.empty()) return last() + 1;
  auto needed = log_->first_of_last(std::min(kAlwaysKeptBytes, options_.kept_bytes_max));
  for (const auto& [id, follower] : progress()) {
    if (now - follower.heard_at > kSilentKept) continue;
    if (follower.state == FollowerProgress::State::kSeeding) continue;
    needed = std::min(needed, follower.matched + 1);
  }
  needed = std::max(needed, log_->first_of_last(options_.kept_bytes_max));
  for (const auto& [member, pin] : pins_) needed = std::min(needed, pin.from);
  return needed;
}

}  // namespace minidfs::consensus
