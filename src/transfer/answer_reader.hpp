// What the bytes of a connection for reading mean: which request they answer, which slices are
// good, what is handed out, when an answer is whole and whether the next one can follow it. Pure:
// bytes go in, verified bytes and what is to be sent come out; no socket, no clock.
//
//            ReadBegins               all slices
//   waiting ------------> answering ------------> waiting, for the answer to the next request
//      |                      |
//      | ReadFails            | a bad slice: the rest is only skipped, kCorrupt at the end
//      v                      v
//   waiting             anything else: out of step, no answer can be received any more
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/blocks/slice_codec.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {

struct ReadRequest {
  BlockId block;
  std::uint64_t generation = 0;
  std::uint64_t offset = 0;  // Of the first wanted byte within the block, before compression.
  std::uint64_t length = 0;  // Wanted bytes; offset + length must not exceed the block's length.
  // As the namespace has it: a replica of another length is not one of this block. 0: not known.
  std::uint64_t block_length = 0;
};

// Takes verified, decompressed bytes in order; an error ends the transfer and is returned.
using ByteSink = std::function<Status(std::span<const std::byte>)>;

class AnswerReader {
 public:
  // `peer`: for messages.
  explicit AnswerReader(std::string peer) : peer_(std::move(peer)) {}

  // Appends the requests' frames to `out`. kInvalidArgument, and none is asked, when one is of a
  // range that no block has.
  Status request(std::span<const ReadRequest> requests, std::string& out);
  // Requests whose answers have not ended.
  std::size_t requested() const { return requests_.size(); }

  // What became of the bytes at the front of the answers.
  struct Step {
    std::size_t consumed = 0;     // They are of no more use.
    bool alive = false;           // They were a sign of life.
    std::string send;             // To be sent: the server shall check a slice.
    std::optional<Status> ended;  // How the answer to the oldest request ended, if it has.
  };
  // `received` begins where the last step has stopped consuming. Errors of the replica (kNotFound,
  // kStale, kCorrupt) leave in_step(). REQUIRES: requested() > 0, in_step().
  Step step(std::span<const std::byte> received, const ByteSink& sink);

  // The next bytes begin an answer, or go on with the present one.
  bool in_step() const { return in_step_; }

 private:
  // What is left of the answer to the oldest request.
  struct Answer {
    std::uint64_t next_slice = 0;
    std::uint64_t slices_left = 0;
    std::uint64_t block_length = 0;
    Status outcome;  // The first bad slice.
  };
  class Run;

  Status take(std::span<const std::byte> received, const ByteSink& sink, Step& step);
  Status take_frame(const Frame& frame, Step& step);
  Status begin(const Frame& frame);
  Status take_slices(std::span<const std::byte> received, const ByteSink& sink, Step& step);
  Status take_slice(const storage::Slice& slice, std::span<const std::byte> stored, Run& run,
                    Step& step);
  Result<std::span<const std::byte>> verify(const storage::Slice& slice, std::uint64_t index,
                                            std::span<const std::byte> stored);

  std::string peer_;
  std::deque<ReadRequest> requests_;
  std::optional<Answer> answer_;  // Once it has begun.
  SliceArray packet_;             // The slices whose data comes next.
  std::size_t packet_taken_ = 0;  // Of them.
  storage::SliceDecoder decoder_;
  bool in_step_ = true;
};

}  // namespace minidfs::transfer
