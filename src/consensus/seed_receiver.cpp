#include "consensus/seed_receiver.hpp"

#include <utility>

#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "consensus/directory_notes.hpp"
#include "consensus/members_format.hpp"

namespace minidfs::consensus {

SeedReceiver::SeedReceiver(StateMachine& state, ApplyLane& lane, RaftMember& member,
                           Options options)
    : state_(state), lane_(lane), member_(member), options_(std::move(options)) {}

void SeedReceiver::arrived(MemberId from, const SeedBegin& begin) {
  if (installing_) return;
  const bool wanted = member_.can_be_seeded(begin.position) &&
                      decode_members(begin.members, "a seed's members").ok();
  if (!wanted) return options_.send(from, encode_peer_message(SeedDone{begin.seed, false}));
  intake_.emplace();
  intake_->from = from;
  intake_->begin = begin;
  log_info("namenode", "a copy of the state up to entry {} comes from member {}",
           begin.position.index, hex_64(from));
  on_lane([this] { return state_.begin_intake(); }, [](Report&) {});
}

void SeedReceiver::arrived(MemberId from, const SeedPiece& piece) {
  auto* intake = intake_of(from, piece.seed);
  if (intake == nullptr) return;
  if (piece.number != intake->pieces) {
    if (intake->flow == Flow::kResumes) return;
    return give_up("a piece is missing");
  }
  intake->flow = Flow::kRuns;
  ++intake->pieces;
  const auto sum = checksum(piece.bytes);
  intake->sums.append(reinterpret_cast<const char*>(&sum), sizeof sum);
  on_lane([this, bytes = piece.bytes] { return state_.take_in(bytes); },
          [](Report& report) { ++report.taken; });
}

void SeedReceiver::arrived(MemberId from, const SeedEnd& end) {
  auto* intake = intake_of(from, end.seed);
  if (intake == nullptr || intake->ended) return;
  if (end.pieces != intake->pieces && intake->flow == Flow::kResumes) return;
  if (end.pieces != intake->pieces || end.sum != checksum(intake->sums)) {
    return give_up("pieces are missing");
  }
  intake->ended = true;
  on_lane([this] { return state_.finish_intake(); }, [](Report& report) { report.durable = true; });
}

void SeedReceiver::connected(MemberId peer) {
  SeedResume resume;
  if (intake_ && intake_->from == peer) {
    resume = {intake_->begin.seed, intake_->pieces};
    intake_->flow = Flow::kResumes;
    intake_->acknowledged = 0;  // The last word of it may be lost.
  }
  options_.send(peer, encode_peer_message(resume));
}

void SeedReceiver::disconnected(MemberId from, RaftMember::TimePoint now) {
  if (!intake_ || intake_->from != from) return;
  intake_->flow = Flow::kCut;
  intake_->cut_at = now;
}

SeedReceiver::Intake* SeedReceiver::intake_of(MemberId from, std::uint64_t seed) {
  if (!intake_ || installing_) return nullptr;
  return intake_->from == from && intake_->begin.seed == seed ? &*intake_ : nullptr;
}

void SeedReceiver::give_up(const std::string& why) {
  log_warn("namenode", "the copy of the state from member {} is dropped: {}", hex_64(intake_->from),
           why);
  options_.send(intake_->from, encode_peer_message(SeedDone{intake_->begin.seed, false}));
  intake_.reset();
  lane_.run_there([this] { state_.drop_intake(); });
}

// Jobs of an intake that was given up are harmless: the next one begins anew.
void SeedReceiver::on_lane(std::function<Status()> job, std::function<void(Report&)> done) {
  lane_.run_there([report = intake_->report, changed = options_.changed, job = std::move(job),
                   done = std::move(done)] {
    {
      const std::lock_guard lock(report->mutex);
      if (report->failure) return;
    }
    const auto status = job();
    {
      const std::lock_guard lock(report->mutex);
      if (status.ok()) done(*report);
      if (!status.ok()) report->failure = status.error();
    }
    changed();
  });
}

Status SeedReceiver::further(RaftMember::TimePoint now) {
  if (!intake_) return {};
  std::uint64_t taken = 0;
  bool durable = false;
  bool installed = false;
  std::optional<Error> failure;
  {
    const std::lock_guard lock(intake_->report->mutex);
    taken = intake_->report->taken;
    durable = intake_->report->durable;
    installed = intake_->report->installed;
    failure = intake_->report->failure;
  }
  if (installing_) {
    if (failure) return *failure;
    return installed ? follow(now) : Status();
  }
  if (failure) {
    give_up(failure->message);
    return {};
  }
  if (intake_->flow == Flow::kCut && now - intake_->cut_at > kSeedResumedWithin) {
    give_up("the connection ended");
    return {};
  }
  if (durable) return install(now);
  if (taken == intake_->acknowledged) return {};
  intake_->acknowledged = taken;
  options_.send(intake_->from, encode_peer_message(SeedAck{intake_->begin.seed, taken}));
  return {};
}

// Meanwhile the log itself may have come as far. From here on it is told nothing, and so does not
// change: nor by what its disk is still at.
Status SeedReceiver::install(RaftMember::TimePoint now) {
  const auto& begin = intake_->begin;
  MDFS_CHECK(member_.finish_turn(now));
  if (!member_.can_be_seeded(begin.position)) {
    give_up("it is not needed any more");
    return {};
  }
  MDFS_CHECK(write_seed_note(options_.directory, {begin.position, begin.members}));
  installing_ = true;
  lane_.install([report = intake_->report, changed = options_.changed](const Status& status) {
    {
      const std::lock_guard lock(report->mutex);
      report->installed = status.ok();
      if (!status.ok()) report->failure = status.error();
    }
    changed();
  });
  return {};
}

Status SeedReceiver::follow(RaftMember::TimePoint now) {
  const auto& begin = intake_->begin;
  MDFS_CHECK(member_.seeded(begin.position, begin.members, now));
  MDFS_CHECK(remove_seed_note(options_.directory));
  log_info("namenode", "the state is that of member {} up to entry {}", hex_64(intake_->from),
           begin.position.index);
  options_.send(intake_->from, encode_peer_message(SeedDone{begin.seed, true}));
  intake_.reset();
  installing_ = false;
  return {};
}

}  // namespace minidfs::consensus
