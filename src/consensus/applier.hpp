// Gives committed entries to the state machine, and turns its replies into completions. Belongs to
// one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "consensus/log.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

// Who waits for an entry's reply.
struct Waiter {
  ChannelId channel = 0;
  std::uint64_t token = 0;
};

struct CommittedEntry {
  Entry entry;
  std::optional<Waiter> waiter;
};

class Applier {
 public:
  // `state` must outlive this.
  explicit Applier(StateMachine& state) : state_(state), index_(state.applied()) {}

  // The last entry that was applied, or passed over because it is no command.
  Index index() const { return index_; }

  // Applies the next entry. A batch that has grown large, which only a replay brings about, is
  // committed before the next one begins. After an error of this or of commit() the state is not
  // touched again, and both return that error. REQUIRES: entry.index == index() + 1.
  Status apply(const CommittedEntry& committed);
  // Ends the batch, if commands were applied since the last call.
  Status commit();

  // The state was replaced by one that holds the entries up to `index`.
  void jump_to(Index index) { index_ = index; }

  // Adds an answer that does not come from the state.
  void answer(const Waiter& waiter, Result<std::string> reply, const MemberAddress& leader = {});
  // The answers of committed batches, by channel.
  std::vector<std::vector<Completion>> take_completions();
  // The batch could not be made visible: replies given since the last commit become `error`.
  void fail_batch(const Error& error);

 private:
  using Answers = std::vector<std::vector<Completion>>;
  static std::vector<Completion>& of_channel(Answers& answers, ChannelId channel);

  StateMachine& state_;
  Index index_;
  std::optional<Error> failure_;    // Of the state.
  std::size_t batch_commands_ = 0;  // Applied and not committed.
  std::size_t batch_bytes_ = 0;
  Answers batch_;  // Of the batch that is not yet committed.
  Answers ready_;  // These may leave.
};

}  // namespace minidfs::consensus
