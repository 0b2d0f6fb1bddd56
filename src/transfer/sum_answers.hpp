// What the bytes of a connection mean when sums of replicas are asked for, as AnswerReader says it
// of reading. Pure.
//
//            KeepAlive: the datanode is at it
//   waiting ----------------------------------> waiting
//      |
//      | BlockSummed, or ReadFails              anything else: out of step, no answer can be
//      v                                        received any more
//   answered
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {

// The version of the interface that knows these requests.
inline constexpr InterfaceVersion kSumsSince = 2;

class SumAnswers {
 public:
  // `peer`: for messages.
  explicit SumAnswers(std::string peer) : peer_(std::move(peer)) {}

  // Appends the request's frame to `out`.
  void request(const SumBlock& request, std::string& out);
  // Requests whose answers have not come.
  std::size_t requested() const { return requests_.size(); }

  // What became of the bytes at the front of the answers.
  struct Step {
    std::size_t consumed = 0;  // They are of no more use.
    bool alive = false;        // They were a sign of life.
    // The answer to the oldest request. Errors of the replica (kNotFound, kStale, kCorrupt) leave
    // in_step().
    std::optional<Result<BlockSum>> answer;
  };
  // `received` begins where the last step has stopped consuming. REQUIRES: requested() > 0,
  // in_step().
  Step step(std::span<const std::byte> received);

  // The next bytes begin an answer.
  bool in_step() const { return in_step_; }

 private:
  Result<BlockSum> take(const Frame& frame);
  Error lost(Error error);

  const std::string peer_;
  std::deque<SumBlock> requests_;
  bool in_step_ = true;
};

}  // namespace minidfs::transfer
