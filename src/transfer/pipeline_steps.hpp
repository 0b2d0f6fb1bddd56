// What happens to a datanode as a target of a pipeline, and what it then does: the events and the
// effects of PipelineReceiver. Frames that mean the same in both stand for themselves (wire.hpp).
//
// Events carry the number of what they answer: of an input (each Receive has a new one) or of a
// block (counted within the pipeline). The connection to the next node is made once, so that
// whether it was given up is all that there is to know of its events.
#pragma once

#include <absl/container/inlined_vector.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

#include "transfer/wire.hpp"

namespace minidfs::transfer {

// --- Events -----------------------------------------------------------------------------------

struct PipelineOpened {};

// The answers to Receive.
struct InputArrived {
  std::uint64_t input = 0;
};
// The writer sends no more, or was silent for too long in the middle of something.
struct InputEnded {
  std::uint64_t input = 0;
};
struct MemoryDenied {
  std::uint64_t input = 0;
  Error why;
};

// What the input holds, in its order, between InputArrived and InputTaken: BeginBlock, EndBlock, or
// one of these. Signs of life mean nothing more than that they came.
struct SlicesBegun {
  bool last_is_short = false;  // As only the last slice of a block may be.
};
// Some slices of the frame whose head came last.
struct SlicesArrived {
  std::size_t count = 0;
  std::uint64_t raw_bytes = 0;
  std::size_t stored_bytes = 0;
  Status verified;  // Against their checksums.
};
struct BadFrame {
  Error error;
};
// All that has arrived whole was taken.
struct InputTaken {
  std::uint64_t input = 0;
  std::size_t unsent_bytes = 0;  // Of it, that the next node does not have yet.
};
// The answer to ReleaseInput.
struct InputReleased {
  std::uint64_t input = 0;
};

// The next node.
struct NextConnected {};  // And greeted.
struct NextTook {};       // Some bytes.
struct NextAcked {
  AckBlock ack;
};
struct NextLost {
  TargetLost lost;
};
struct NextAlive {
  std::chrono::milliseconds disk_stalled{0};
};
struct NextFailed {
  Error error;
};

// The disk.
struct ReplicaLost {
  std::uint64_t block = 0;
  Error error;
};
struct ReplicaStored {
  std::uint64_t block = 0;
  std::uint64_t stored_bytes = 0;
};

// What keeps this node from reading on.
struct Brakes {
  bool output_full = false;  // The writer does not read its answers.
  bool disk_behind = false;  // Too much of the open block waits for the disk.
  bool files_short = false;  // Blocks with files of their own have taken those to spare.
  bool operator==(const Brakes&) const = default;
};
struct BrakesChanged {
  Brakes brakes;
};

// For how long the disk of a block has had work without progress.
struct DiskAge {
  std::uint64_t block = 0;
  std::chrono::milliseconds stalled{0};
};
// Now and then.
struct Tick {
  std::span<const DiskAge> disks;  // Of the blocks that are being stored.
  bool output_waits = false;       // Answers that the writer has not taken.
};
// This process stood still: nobody is to blame for what did not come meanwhile.
struct Excused {};
// The writer's connection is closed.
struct WriterGone {};

using ReceiverEvent =
    std::variant<PipelineOpened, InputArrived, InputEnded, MemoryDenied, BeginBlock, SlicesBegun,
                 SlicesArrived, EndBlock, BadFrame, InputTaken, InputReleased, NextConnected,
                 NextTook, NextAcked, NextLost, NextAlive, NextFailed, ReplicaLost, ReplicaStored,
                 BrakesChanged, Tick, Excused, WriterGone>;

// --- Effects, to be carried out in their order ------------------------------------------------

// Wait for bytes of the writer and for memory to hold them; then take what arrived.
struct Receive {
  std::uint64_t input = 0;
  bool in_block = false;                  // The writer owes more, and is not merely idle.
  std::chrono::milliseconds patience{0};  // With a writer that owes something and sends nothing.
};
// Let go of the input's memory, after the next node has taken the rest of it when `forward`.
struct ReleaseInput {
  std::uint64_t input = 0;
  bool forward = false;
};

// The replica of a block. Abandon: whether it is stored or not, nobody waits for it.
struct CreateReplica {
  std::uint64_t block = 0;
  BeginBlock begin;
  bool has_file = false;  // Of its own.
};
struct AppendSlices {  // Of this event.
  std::uint64_t block = 0;
};
struct StoreReplica {  // Make it durable and visible.
  std::uint64_t block = 0;
};
struct AbandonReplica {
  std::uint64_t block = 0;
};

// The next node.
struct ConnectNext {};
// Of the input, up to the end of this event's slices, what goes without waiting.
struct ForwardEarly {};
struct EndSending {};
struct HangUpNext {};

// To the writer go AckBlock, TargetLost and KeepAlive. The writer must now read them, or need not.
struct ExpectOutputTaken {
  bool expected = false;
};
// Everything is said; an error is to be told to the writer.
struct ClosePipeline {
  Status status;
};

using ReceiverEffect =
    std::variant<Receive, ReleaseInput, CreateReplica, AppendSlices, StoreReplica, AbandonReplica,
                 ConnectNext, ForwardEarly, EndSending, HangUpNext, AckBlock, TargetLost, KeepAlive,
                 ExpectOutputTaken, ClosePipeline>;
// Few events have more; then it allocates.
using ReceiverEffects = absl::InlinedVector<ReceiverEffect, 3>;

}  // namespace minidfs::transfer
