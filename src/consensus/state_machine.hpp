// What the replicated log drives: a deterministic state that absorbs committed commands in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace minidfs::consensus {

// A consistent copy of a state as it was at one command, read by whoever gives it to another
// member. The state goes on meanwhile. Used by one thread, which may be any, and gone before the
// state is.
class StateCopy {
 public:
  virtual ~StateCopy() = default;
  // The last command that is in it.
  virtual std::uint64_t number() const = 0;
  // The next piece of at most `bytes_max`; empty at the end. After an error the copy is of no use.
  virtual Result<std::string> next(std::size_t bytes_max) = 0;
};

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

  // --- Seeds: a member that lacks too much is given a copy of another's state.

  // Begins a copy of the state up to the last finished commit_batch(). Called from other threads
  // than the others, concurrently with them; several may be under way.
  virtual Result<std::unique_ptr<StateCopy>> begin_copy() {
    return Error{Errc::kUnsupported, "this state cannot be copied"};
  }
  // On the disk, of what copies under way keep from being given up. As begin_copy().
  virtual std::uint64_t bytes_kept_for_copies() const { return 0; }
  // A copy comes in, to take this state's place: what came of one before is dropped. The state goes
  // on until install(). What a crash leaves of it counts for nothing.
  virtual Status begin_intake() { return Error{Errc::kUnsupported, "this state takes no copy"}; }
  virtual Status take_in(std::string_view piece) {
    return Error{Errc::kUnsupported,
                 "this state takes no copy of " + std::to_string(piece.size()) + " bytes"};
  }
  // All of it is here, and durable on return: nothing more comes but install(), or another
  // begin_intake(). kCorrupt when it is not a whole copy, which is no failure of this state.
  virtual Status finish_intake() { return Error{Errc::kUnsupported, "this state takes no copy"}; }
  // Nothing more comes of it, and what came takes no room any more.
  virtual void drop_intake() {}
  // The copy becomes the state: applied() is its number. Durable on return; a crash leaves the old
  // state or the new one.
  virtual Status install() { return Error{Errc::kUnsupported, "this state takes no copy"}; }
};

}  // namespace minidfs::consensus
