// The replicated log: orders commands, makes them durable, and applies them to a StateMachine. What
// Raft (Ongaro 2014) decides is in raft/, what is on the disk in segments/. Of one member so far.
// Owned by the namenode's wiring.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "consensus/state_machine.hpp"

namespace minidfs::consensus {

struct LogOptions {
  std::string directory;  // Exists, belongs to this process alone.
  // After this many entries, or bytes of commands, the state is made durable and the log dropped up
  // to there. What the log has since then is read at a start.
  std::uint32_t checkpoint_entries = 32768;
  std::uint64_t checkpoint_bytes = 16ULL << 20;
  // Changes are refused with kNoSpace while the disk has less than this free.
  std::uint64_t free_space_min_bytes = 64ULL << 20;
};

// Of one proposal; a larger one is refused.
inline constexpr std::size_t kCommandMaxBytes = 1 << 20;

// The answer to one proposed command.
struct Completion {
  std::uint64_t token = 0;  // As given to propose().
  // Errors: kNotLeader and kUnavailable (shutting down) leave open whether the command takes
  // effect, kNoSpace and kTooLarge do not; anything else is the failure that stops this member.
  Result<std::string> reply;
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

  // Loads the directory, gives `state` what it lacks, and starts the log's threads; returns once
  // this member is leader. An empty directory gets a log; one of libraft is carried over.
  // `state` must outlive the log. Errors name the file: kCorrupt for a damaged log, and for one
  // that does not fit to the state. A directory that is refused is left as it is.
  static Result<std::unique_ptr<Log>> open(LogOptions options, StateMachine& state,
                                           FatalHandler on_fatal);
  // Stops the threads; what was proposed and not answered is answered with kUnavailable.
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
