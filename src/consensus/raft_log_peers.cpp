#include <algorithm>
#include <utility>

#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "consensus/directory_notes.hpp"
#include "consensus/log_directory.hpp"
#include "consensus/raft_log.hpp"

namespace minidfs::consensus {
namespace {

// After a seed that failed the next one begins so much later.
constexpr std::chrono::seconds kSeedAgainAfter{2};

std::string name_of(MemberId id) { return "member " + hex_64(id); }

}  // namespace

void RaftLog::send(MemberId to, const PeerMessage& message) {
  options_.link->send(to, encode_peer_message(message));
}

// --- Mail -------------------------------------------------------------------------------------

Status RaftLog::take_mail(TimePoint now) {
  for (const auto& item : mail_.take()) {
    MDFS_CHECK(std::visit([&](const auto& news) { return arrived(news, now); }, item));
  }
  return {};
}

Status RaftLog::arrived(const PeerMail::Connected& news, TimePoint) {
  if (receiver_) receiver_->disconnected(news.peer);  // The connection before.
  peers_[news.peer] = {news.epoch, std::nullopt, false};
  send(news.peer, Announce{options_.address, member_->synced(), member_->known()});
  return {};
}

Status RaftLog::arrived(const PeerMail::Disconnected& news, TimePoint) {
  const auto found = peers_.find(news.peer);
  if (found == peers_.end() || found->second.epoch != news.epoch) return {};
  peers_.erase(found);
  if (receiver_) receiver_->disconnected(news.peer);
  if (const auto sender = senders_.find(news.peer); sender != senders_.end()) {
    sender->second->cancel();
  }
  return {};
}

Status RaftLog::arrived(const PeerMail::Received& news, TimePoint now) {
  const auto found = peers_.find(news.peer);
  if (found == peers_.end() || found->second.epoch != news.epoch) return {};
  auto message = decode_peer_message(news.bytes, name_of(news.peer));
  if (!message.ok()) {
    log_warn("namenode", "{}", message.error().message);
    return {};
  }
  return std::visit([&](auto& each) { return heard(news.peer, std::move(each), now); }, *message);
}

// Who is no member any more is not to disturb the others; nor does this one speak while its state
// is being replaced.
Status RaftLog::heard(MemberId from, Packet packet, TimePoint now) {
  if (receiver_->is_installing() || is_removed(from) || rolled_back_.contains(from)) return {};
  return member_->arrived(from, std::move(packet), now);
}

// The first message of a connection, so that all that the peer acknowledged on others was before.
Status RaftLog::heard(MemberId from, Announce announce, TimePoint) {
  const auto found = member_->progress().find(from);
  if (found != member_->progress().end() && found->second.matched > announce.last.index) {
    log_error("namenode",
              "{} had the log up to entry {}, and now up to {}: it was rolled back, and is not "
              "counted on any more",
              name_of(from), found->second.matched, announce.last.index);
    rolled_back_.insert(from);
    send(from, RolledBack{found->second.matched});
  }
  peers_.at(from).announce = std::move(announce);
  return {};
}

// --- Members that go --------------------------------------------------------------------------

// By a set of members that this one knows and the peer does not.
bool RaftLog::is_removed(MemberId peer) const {
  const auto& roster = member_->roster();
  if (roster.empty() || roster.contains(peer) || !member_->roster_is_committed()) return false;
  const auto found = peers_.find(peer);
  return found != peers_.end() && found->second.announce &&
         found->second.announce->known <= member_->known();
}

// Only a leader knows all that is committed: another one might say it of a member that is to come.
void RaftLog::tell_removed() {
  if (!member_->leads()) return;
  for (auto& [id, peer] : peers_) {
    if (peer.told_removed || !is_removed(id)) continue;
    peer.told_removed = true;
    send(id, Removed{member_->term(), member_->known()});
  }
}

// It may hold the entry itself, and not know that it is committed.
Status RaftLog::heard(MemberId from, const Removed& verdict, TimePoint) {
  if (verdict.term < member_->term() || verdict.index < member_->known()) return {};
  const auto& roster = member_->roster();
  const bool known = verdict.index == member_->known();
  if (known && (roster.empty() || roster.contains(self_))) return {};
  log_warn("namenode", "{} says that this member was removed by entry {}", name_of(from),
           verdict.index);
  return be_removed(verdict.index);
}

Status RaftLog::leave_when_removed() {
  return member_->is_removed() ? be_removed(member_->known()) : Status();
}

Status RaftLog::be_removed(Index index) {
  MDFS_CHECK(write_removal_note(options_.directory, {index}));
  return removed_member(options_.directory, index);
}

Status RaftLog::heard(MemberId from, const RolledBack& verdict, TimePoint) {
  if (verdict.acknowledged <= member_->last()) return {};
  return Error{
      Errc::kCorrupt,
      options_.directory + ": " + name_of(from) + " knows that this log had entries up to " +
          std::to_string(verdict.acknowledged) + ", and it ends with " +
          std::to_string(member_->last()) +
          ": the disk was rolled back; to join again this member needs an empty directory"};
}

// Those who were removed are reached as well, until they are told and gone.
void RaftLog::reach_members() {
  if (!link_started_ || failure_) return;
  const auto& roster = member_->roster();
  if (member_->take_roster_changed()) {
    for (const auto& each : reached_.members()) {
      if (!roster.contains(each.member.id)) goodbyes_.push_back(each.member);
    }
    reached_ = roster;
    reach_again_ = true;
  }
  if (!member_->leads()) goodbyes_.clear();  // It is the leader's to tell them.
  const auto gone = std::erase_if(goodbyes_, [&](const MemberAddress& member) {
    const auto peer = peers_.find(member.id);
    if (peer != peers_.end() && peer->second.told_removed) told_.insert(member.id);
    return reached_.contains(member.id) || (peer == peers_.end() && told_.contains(member.id));
  });
  if (gone == 0 && !reach_again_) return;
  reach_again_ = false;
  auto all = goodbyes_;
  for (const auto& each : reached_.members()) {
    if (each.member.id != self_) all.push_back(each.member);
  }
  options_.link->reach(std::move(all));
}

// --- Seeds ------------------------------------------------------------------------------------

Status RaftLog::heard(MemberId from, const SeedBegin& begin, TimePoint) {
  receiver_->arrived(from, begin);
  return {};
}

Status RaftLog::heard(MemberId from, const SeedPiece& piece, TimePoint) {
  receiver_->arrived(from, piece);
  return {};
}

Status RaftLog::heard(MemberId from, const SeedEnd& end, TimePoint) {
  receiver_->arrived(from, end);
  return {};
}

Status RaftLog::heard(MemberId from, const SeedAck& ack, TimePoint) {
  const auto sender = senders_.find(from);
  if (sender != senders_.end()) sender->second->acknowledged(ack);
  return {};
}

Status RaftLog::heard(MemberId from, const SeedDone& done, TimePoint) {
  const auto sender = senders_.find(from);
  if (sender != senders_.end()) sender->second->done(done);
  return {};
}

Status RaftLog::further_seeds(TimePoint now) {
  if (receiver_) MDFS_CHECK(receiver_->further(now));
  for (auto at = senders_.begin(); at != senders_.end();) {
    auto& [member, sender] = *at;
    if (!member_->leads()) sender->cancel();
    if (const auto number = sender->number()) {
      auto begin = member_->seed_at(*number);
      begin ? sender->start(std::move(*begin)) : sender->cancel();
    }
    const auto outcome = sender->outcome();
    if (!outcome) {
      ++at;
      continue;
    }
    if (*outcome) {
      member_->loosen_pin(member);
    } else {
      member_->unpin(member);
      seeds_wait_[member] = now + kSeedAgainAfter;
    }
    const auto ended = member;
    at = senders_.erase(at);
    MDFS_CHECK(member_->seed_ended(ended, now));
  }
  for (const auto member : member_->take_seeds()) {
    const auto waits = seeds_wait_.extract(member);
    seeds_due_.try_emplace(member, waits.empty() ? now : waits.mapped());
  }
  begin_seeds(now);
  return member_->end_turn(now);
}

// The log is kept from before the copy begins, which cannot be older than what is durable.
void RaftLog::begin_seeds(TimePoint now) {
  if (!member_->leads()) return seeds_due_.clear();
  for (auto at = seeds_due_.begin(); at != seeds_due_.end();) {
    const auto member = at->first;
    if (now < at->second || senders_.contains(member)) {
      ++at;
      continue;
    }
    at = seeds_due_.erase(at);
    SeedSender::Options options;
    options.to = member;
    options.bytes_per_second = options_.seed_bytes_per_second;
    options.send = [link = options_.link](MemberId to, std::string bytes) {
      link->send(to, std::move(bytes));
    };
    options.changed = [this] { notice(); };
    member_->pin(member, member_->first());
    senders_[member] = std::make_unique<SeedSender>(state_, std::move(options));
  }
}

}  // namespace minidfs::consensus
