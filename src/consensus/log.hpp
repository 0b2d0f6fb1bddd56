// The replicated log: a thin C++ face on libraft (Raft, Ongaro 2014) with its libuv back end. It
// orders commands, makes them durable, and applies them to a StateMachine. A cluster of one voter
// is the same thing with one member. Owned by the namenode's wiring.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "consensus/state_machine.hpp"

namespace minidfs::consensus {

struct Member {
  std::uint64_t id = 0;  // From 1.
  std::string address;   // "host:port" of its Raft listener; never used by a single member.
};

struct LogOptions {
  std::string directory;  // Exists, belongs to this process alone.
  std::uint64_t member_id = 1;
  std::vector<Member> members;  // Used once, to bootstrap an empty directory.
  // A snapshot (a reference to the made-durable state) is taken after this many entries, or bytes
  // of commands, and the log is cut. The entries since the last one stay in memory, about 300 bytes
  // each for small commands, and are read at a start; but each snapshot also ends a segment, which
  // stops libraft's loop for 10 to 40 ms (io_destroy).
  std::uint32_t snapshot_threshold_entries = 32768;
  std::uint64_t snapshot_threshold_bytes = 16ULL << 20;
  // Kept behind a snapshot for members that lag, unless they are more than an eighth of the bytes
  // above.
  std::uint32_t snapshot_trailing_entries = 1024;
  // Changes are refused with kNoSpace while the disk has less than this free.
  std::uint64_t free_space_min_bytes = 64ULL << 20;
};

// The answer to one proposed command.
struct Completion {
  std::uint64_t token = 0;  // As given to propose().
  // Errors: kNotLeader and kUnavailable (shutting down) leave open whether the command takes
  // effect, kNoSpace and kTooLarge do not; anything else is the failure that stops this member.
  Result<std::string> reply;
};

// Receives all completions of a channel that belong to one batch, after the batch is visible.
// Called on the log's thread: it must only hand the vector over.
using CompletionSink = std::function<void(std::vector<Completion>)>;

using ChannelId = std::uint32_t;

// What a proposal needs of the disk.
enum class Room : std::uint8_t {
  kFree,      // Refused when less than LogOptions::free_space_min_bytes is left.
  kReserved,  // Small, and needed to go on at all: may use what is kept free.
};

class Log {
 public:
  // Called once on the log's thread when this member cannot go on (disk failure).
  using FatalHandler = std::function<void(const Error&)>;

  // Whether the directory holds, or may hold, a log; not when it is missing or empty.
  static Result<bool> exists(const std::string& directory);

  // Loads the directory (or bootstraps an empty one), replays what `state` lacks, and starts the
  // log's thread; returns once a single member is leader. `state` must outlive the log. Errors name
  // the file: kCorrupt for a damaged log, and for one that is behind the state it belongs to. A
  // directory that is refused is left as it is.
  static Result<std::unique_ptr<Log>> open(LogOptions options, StateMachine& state,
                                           FatalHandler on_fatal);
  // Stops the thread; what was proposed and not answered is answered with kUnavailable.
  virtual ~Log() = default;

  // Both thread-safe. Every proposal is answered exactly once through its channel's sink.
  virtual ChannelId add_channel(CompletionSink sink) = 0;
  virtual void propose(ChannelId channel, std::uint64_t token, std::string command, Room room) = 0;
  void propose(ChannelId channel, std::uint64_t token, std::string command) {
    propose(channel, token, std::move(command), Room::kFree);
  }

  virtual bool is_leader() const = 0;  // Thread-safe.
  // For how long proposals have waited without any being answered; 0 when none waits. Thread-safe.
  virtual std::chrono::milliseconds silent_for() const { return {}; }
};

}  // namespace minidfs::consensus
