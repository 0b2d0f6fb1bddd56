// Takes in the copy of another member's state, in the place of this one's: checks the stream,
// hands the pieces to the state on the lane's thread, and installs the whole when it is durable.
// Belongs to the log's thread.
//
//   SeedBegin ──> pieces ──> SeedEnd ──> durable ──> note, install ──> the log follows
//
// When the connection ends it waits for a while whether the giver goes on over the next one. Up to
// `durable` it may end at any time, and nothing has changed. From the note on this member is
// mute until the log follows: a crash in between is finished by the next start.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "consensus/apply_lane.hpp"
#include "consensus/peers/peer_messages.hpp"
#include "consensus/raft_member.hpp"

namespace minidfs::consensus {

class SeedReceiver {
 public:
  struct Options {
    std::string directory;  // Of the log.
    std::function<void(MemberId to, std::string bytes)> send;
    std::function<void()> changed;  // further() has something to do. Called on the lane's thread.
  };
  // All must outlive this, and jobs that the lane has.
  SeedReceiver(StateMachine& state, ApplyLane& lane, RaftMember& member, Options options);

  void arrived(MemberId from, const SeedBegin& begin);
  void arrived(MemberId from, const SeedPiece& piece);
  void arrived(MemberId from, const SeedEnd& end);
  // The peer is told what is here of its seed. REQUIRES: disconnected(), if it was connected.
  void connected(MemberId peer);
  void disconnected(MemberId from, RaftMember::TimePoint now);

  // Does what is due. REQUIRES: the member's turn is ended. An error is one of this member.
  Status further(RaftMember::TimePoint now);
  // Then this member says and hears nothing else.
  bool is_installing() const { return installing_; }

 private:
  // What the lane tells.
  struct Report {
    std::mutex mutex;
    std::uint64_t taken = 0;
    bool durable = false;
    bool installed = false;
    std::optional<Error> failure;
  };
  enum class Flow : std::uint8_t {
    kRuns,
    kCut,      // The connection has ended.
    kResumes,  // The next one is there; what comes over it before the piece that follows is void.
  };
  struct Intake {
    MemberId from = 0;
    Flow flow = Flow::kRuns;
    RaftMember::TimePoint cut_at{};
    SeedBegin begin;
    std::uint64_t pieces = 0;
    bool ended = false;  // These are all.
    std::string sums;
    std::uint64_t acknowledged = 0;
    std::shared_ptr<Report> report = std::make_shared<Report>();
  };

  // The intake that a message speaks of, if it is under way.
  Intake* intake_of(MemberId from, std::uint64_t seed);
  void give_up(const std::string& why);
  void on_lane(std::function<Status()> job, std::function<void(Report&)> done);
  Status install(RaftMember::TimePoint now);
  Status follow(RaftMember::TimePoint now);

  StateMachine& state_;
  ApplyLane& lane_;
  RaftMember& member_;
  const Options options_;
  std::optional<Intake> intake_;
  bool installing_ = false;
};

}  // namespace minidfs::consensus
