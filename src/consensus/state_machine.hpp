// What the replicated log drives: a deterministic state that absorbs committed commands in order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace minidfs::consensus {

// A command's number is the index of its entry: it ascends from 1, on every member alike, and
// leaves out the entries that Raft needs for itself. All functions but make_durable() are called by
// one thread at a time: who opens the log, then one of the log's own.
class StateMachine {
 public:
  virtual ~StateMachine() = default;

  // The number of the last command that the state holds. After a restart the log offers again what
  // it still has; the log itself skips commands with numbers up to this one.
  virtual std::uint64_t applied() const = 0;

  // Applies command `number`, above applied(), and returns the reply for its proposer. An error
  // means that this member can no longer follow (its disk failed): the process must stop. After an
  // error of this or of commit_batch() neither is called again.
  virtual Result<std::string> apply(std::uint64_t number, std::string_view command) = 0;

  // Ends a batch: all that was applied becomes visible to readers. Replies leave afterwards.
  virtual Status commit_batch() = 0;

  // What takes more of the disk than it should, as the end of a sentence about its room; empty when
  // nothing does.
  virtual std::string room_note() const { return {}; }

  // Makes the state up to the last finished commit_batch() durable and returns the number up to
  // which it holds. Called from another thread than the others, concurrently with them.
  virtual Result<std::uint64_t> make_durable() = 0;
};

}  // namespace minidfs::consensus
