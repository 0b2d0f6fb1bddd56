// Turns committed entries into numbered commands for the state machine, and their replies into
// completions. Lives on the log's thread; only make_durable() runs on another one.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consensus/entry.hpp"
#include "consensus/log.hpp"

namespace minidfs::consensus {

class Applier {
 public:
  // `proposer` marks our own entries. `state` must outlive this.
  Applier(StateMachine& state, std::uint64_t proposer);

  // The number of the last command seen; the next one is number() + 1.
  std::uint64_t number() const { return number_; }

  // A proposal with this sequence number went into the log; sequences ascend.
  void expect(std::uint64_t sequence, ChannelId channel, std::uint64_t token);
  // Answers everything that is still expected with `error`.
  void fail_expected(const Error& error);
  // Those expected from `first_sequence` on did not go into the log after all: answers them.
  void fail_from(std::uint64_t first_sequence, const Error& error);
  // Adds an answer that does not come from the state.
  void answer(ChannelId channel, std::uint64_t token, Result<std::string> reply);

  // Applies one entry of the log, or skips a command that the state has already. A batch that has
  // grown large, which only a replay brings about, is committed before the next one begins. After
  // an error of this or of commit() the state is not touched again, and both return that error.
  Status apply(std::string_view entry);
  // Ends the batch, if commands were applied since the last call.
  Status commit();

  // The answers of committed batches, by channel. REQUIRES: commit() was called after the last
  // apply() and returned success, or the answers were spoilt by fail_batch().
  std::vector<std::vector<Completion>> take_completions();
  // The batch could not be made visible: replies given since the last commit become `error`.
  void fail_batch(const Error& error);

  // Takes over the number of a snapshot that libraft loaded or received.
  Status restore(std::string_view snapshot);
  std::string room_note() const { return state_.room_note(); }
  // Any thread: makes the state durable at least up to `number`.
  Status make_durable(std::uint64_t number);

 private:
  struct Expected {
    std::uint64_t sequence = 0;
    ChannelId channel = 0;
    std::uint64_t token = 0;
  };
  Status apply_to_state(std::uint64_t number, const DecodedEntry& entry);
  void reply_to(std::uint64_t sequence, std::string reply);
  std::vector<Completion>& channel_answers(std::vector<std::vector<Completion>>& where,
                                           ChannelId channel);

  StateMachine& state_;
  const std::uint64_t proposer_;
  std::uint64_t number_ = 0;
  std::uint64_t applied_ = 0;       // state_.applied(), kept here because it is asked per entry.
  std::optional<Error> failure_;    // Of the state.
  std::size_t batch_commands_ = 0;  // Applied and not committed.
  std::size_t batch_bytes_ = 0;
  std::deque<Expected> expected_;
  std::vector<std::vector<Completion>> batch_;  // Answers of the batch that is not yet committed.
  std::vector<std::vector<Completion>> ready_;  // Answers that may leave.
};

}  // namespace minidfs::consensus
