// The replicated log: orders commands, makes them durable on a majority of its members, and applies
// them to a StateMachine. What Raft (Ongaro 2014) decides is in raft/, what is on the disk in
// segments/; the others are reached through a PeerLink. Owned by the namenode's wiring.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "consensus/peer_link.hpp"
#include "consensus/quorum.hpp"
#include "consensus/state_machine.hpp"

namespace minidfs::consensus {

// What one who joins a cluster was told when its leader had logged it as a learner.
struct Joining {
  MemberId member = 0;  // Its id.
  Index since = 0;      // The entry of that.
};

struct LogOptions {
  std::string directory;  // Exists, belongs to this process alone.
  // After this many entries, or bytes of commands, the state is made durable and the log dropped up
  // to there. What the log has since then is read at a start.
  std::uint32_t checkpoint_entries = 32768;
  std::uint64_t checkpoint_bytes = 16ULL << 20;
  std::uint64_t segment_bytes = 8ULL << 20;  // Of the log's files; see SegmentedLog::Options.
  // Changes are refused with kNoSpace while the disk has less than this free.
  std::uint64_t free_space_min_bytes = 64ULL << 20;

  // To the others. Without one this member is alone, and a log that names others is refused.
  // Must outlive the log.
  PeerLink* link = nullptr;
  // Where others reach this member. When it leads it tells them when that is another one now.
  std::string address;
  InterfaceVersions versions = own_versions();
  // An empty directory waits for a cluster that knows it; without this it becomes one of its own.
  std::optional<Joining> joining;
  std::chrono::milliseconds heartbeat{50};
  // A follower waits for its leader between the two.
  std::chrono::milliseconds election_min{250};
  std::chrono::milliseconds election_max{500};
  // Of commands that were proposed and are not committed; more are refused with kBusy.
  std::uint64_t proposals_bytes_max = 64ULL << 20;
  // Of the log that is kept for members who lag; who lacks more is given a copy of the state.
  std::uint64_t kept_bytes_max = 256ULL << 20;
  // At which such a copy is sent.
  std::uint64_t seed_bytes_per_second = 64ULL << 20;
  // Of what has to be kept while a copy is sent, and never more than half of what is free then.
  // Beyond that it is sent once more, as fast as it goes; if that is too slow, changes wait.
  std::uint64_t seed_kept_bytes_max = 4ULL << 30;
};

// Of one proposal; a larger one is refused.
inline constexpr std::size_t kCommandMaxBytes = 1 << 20;

// The answer to one proposed command.
struct Completion {
  std::uint64_t token = 0;  // As given to propose().
  // Errors: kNotLeader and kUnavailable (shutting down) leave open whether the command takes
  // effect, kNoSpace, kTooLarge and kBusy do not; anything else is the failure that stops this
  // member.
  Result<std::string> reply;
  MemberAddress leader;  // With kNotLeader, as far as it is known.
};

// Receives all completions of a channel that belong to one batch, after the batch is visible.
// Called on a thread of the log: it must only hand the vector over.
using CompletionSink = std::function<void(std::vector<Completion>)>;

using ChannelId = std::uint32_t;

// What a proposal needs of the disk.
enum class Room : std::uint8_t {
  kFree,      // Refused when less than LogOptions::free_space_min_bytes is left.
  kReserved,  // Small, and needed to go on at all: may use what is kept free.
};

class Log {
 public:
  // Called once on a thread of the log when this member cannot go on (disk failure).
  using FatalHandler = std::function<void(const Error&)>;

  // Whether the directory holds, or may hold, a log; not when it is missing or empty.
  static Result<bool> exists(const std::string& directory);

  // Of a member that is refused with kCorrupt: the others of its cluster, as it knew them last. It
  // may ask one of them to be taken in again, under another id, in its own place. None when it was
  // alone, or nothing is known.
  static Result<std::vector<MemberAddress>> others_known(const std::string& directory);
  // When it was taken in: makes the directory an empty one. A crash in the middle leaves one that
  // is refused, with the same others. REQUIRES: no log has it open.
  static Status discard(const std::string& directory);

  // Loads the directory and starts the log's threads. One that is alone gives `state` what it
  // lacks, and leads on return; of several members it returns without waiting for anyone. An empty
  // directory gets a log; one of libraft is carried over. `state` must outlive the log. Errors name
  // the file: kCorrupt for a damaged log, one that does not fit to the state and one that was
  // rolled back, kExpired for a member that was removed from its cluster. A directory that is
  // refused is left as it is.
  static Result<std::unique_ptr<Log>> open(LogOptions options, StateMachine& state,
                                           FatalHandler on_fatal);
  // Stops the threads; what was proposed and not answered is answered with kUnavailable.
  virtual ~Log() = default;

  // All of the following are thread-safe, and wait for nothing.

  // Every proposal is answered exactly once through its channel's sink. One that comes while
  // leadership is being handed over, or while nobody leads, is held for as long as an election
  // takes.
  virtual ChannelId add_channel(CompletionSink sink) = 0;
  virtual void propose(ChannelId channel, std::uint64_t token, std::string command, Room room) = 0;
  void propose(ChannelId channel, std::uint64_t token, std::string command) {
    propose(channel, token, std::move(command), Room::kFree);
  }

  virtual MemberId self() const = 0;
  virtual bool is_leader() const = 0;
  // For how long proposals have waited without any being answered; 0 when none waits.
  virtual std::chrono::milliseconds silent_for() const { return {}; }
  // Sinks are called as long as the log lives.
  virtual void add_role_sink(RoleSink sink) = 0;

  // When what the state shows is as new as anything that was answered before this call. For one
  // that is alone that is at once, and no more than an atomic load.
  virtual void read_index(ReadSink sink) = 0;
  // All that was answered to anybody so long ago, or longer, the state holds, whoever leads; none:
  // that is not known.
  virtual std::optional<std::chrono::milliseconds> staleness() const = 0;
  // The last entry that the state holds, visibly. Never descends; a seed makes it jump.
  virtual Index applied() const = 0;

  virtual QuorumStatus quorum() const = 0;
  // A version of the interface that all members know: of those that this member has met since its
  // start the oldest one's, and the oldest that it speaks when there is one that it has not met.
  // What is proposed must be in a form of it.
  virtual InterfaceVersion known_by_all() const { return own_versions().oldest; }
  virtual void change_members(MembersChange change, ChangeSink sink) = 0;
  // Another voter is to lead; 0: whoever is best. Proposals are held meanwhile, not failed.
  virtual void transfer(MemberId to, TransferSink sink) = 0;
};

}  // namespace minidfs::consensus
