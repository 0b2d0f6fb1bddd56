#include <algorithm>
#include <utility>

#include "base/logging.hpp"
#include "consensus/directory_notes.hpp"
#include "consensus/log_directory.hpp"
#include "consensus/members_format.hpp"
#include "consensus/raft_log.hpp"

namespace minidfs::consensus {
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

Status RaftLog::arrived(const PeerMail::Connected& news, TimePoint now) {
  pause_seeds(news.peer, now);  // Of the connection before.
  peers_[news.peer] = {news.epoch, std::nullopt, false};
  versions_[news.peer] = news.version;
  send(news.peer, Announce{options_.address, member_->synced(), member_->known()});
  if (receiver_) receiver_->connected(news.peer);
  return {};
}

Status RaftLog::arrived(const PeerMail::Disconnected& news, TimePoint now) {
  const auto found = peers_.find(news.peer);
  if (found == peers_.end() || found->second.epoch != news.epoch) return {};
  peers_.erase(found);
  pause_seeds(news.peer, now);
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
    rolled_back_.try_emplace(from, found->second.matched);
  }
  if (const auto back = rolled_back_.find(from); back != rolled_back_.end()) {
    send(from, RolledBack{back->second});
    peers_.at(from).told_removed = true;
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
    if (peer.told_removed || rolled_back_.contains(id) || !is_removed(id)) continue;
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
  log_warn("namenode", "{} says that this log, which ends with entry {}, had entry {}",
           name_of(from), member_->last(), verdict.acknowledged);
  MDFS_CHECK(write_loss_note(options_.directory, {verdict.acknowledged}));
  return rolled_back_member(options_.directory, verdict.acknowledged);
}

// One that is alone, and was never anything else, needs none.
void RaftLog::note_members() {
  const auto& roster = member_->roster();
  if (roster.empty() || roster.is_only_voter(self_)) return;
  const KnownNote note{self_, encode_members(roster)};
  const auto before = find_known_note(options_.directory);
  if (before.ok() && *before == note) return;
  // What fails here would fail the log's own files, too.
  const auto status = write_known_note(options_.directory, note);
  if (!status.ok()) log_warn("namenode", "{}", status.error().message);
}

// --- Who is reached -----------------------------------------------------------------------------

// Those who were removed are reached as well, until they are told and gone.
void RaftLog::reach_members() {
  if (!link_started_ || failure_) return;
  const auto& roster = member_->roster();
  if (member_->take_roster_changed()) {
    note_members();
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

}  // namespace minidfs::consensus
