// The frames of the data plane as values, and pure functions between values and bytes. No sockets.
// Formats, limits and order: docs/formats.md, "Data plane".
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/credentials.hpp"
#include "auth/proof.hpp"
#include "base/checksum.hpp"
#include "base/codec.hpp"
#include "base/ids.hpp"
#include "base/interface_version.hpp"
#include "base/result.hpp"
#include "metadata/types.hpp"
#include "storage/blocks/block_store.hpp"
#include "transfer/block_sum.hpp"

namespace minidfs::transfer {

inline constexpr std::uint64_t kHelloMagic = 0x31736664696e696dULL;  // "minidfs1"
// Of the handshake, and of the form of frames; which frames there are is the interface's version.
inline constexpr std::uint16_t kProtocolVersion = 5;
inline constexpr std::size_t kFrameHeaderBytes = 16;
inline constexpr std::size_t kFrameSlicesMax = 16;
inline constexpr std::size_t kFrameDataMax = kFrameSlicesMax * storage::kSliceBytes;
inline constexpr std::size_t kFurtherTargetsMax = 15;
inline constexpr std::size_t kMessageBytesMax = 512;
// A slices frame up to its data.
inline constexpr std::size_t kSlicesHeadMax =
    kFrameHeaderBytes + kFrameSlicesMax * sizeof(storage::Slice);
inline constexpr std::size_t kFrameBytesMax = kSlicesHeadMax + kFrameDataMax;
// Any frame without a data part.
inline constexpr std::size_t kControlFrameMax = kFrameHeaderBytes + 16 * 1024;

static_assert(sizeof(storage::Slice) == 16, "slices travel as they lie in memory");

// On the wire: do not renumber.
enum class FrameType : std::uint8_t {
  kHello = 1,
  kWelcome = 2,
  kFailure = 3,
  kOpenPipeline = 4,
  kBeginBlock = 5,
  kEndBlock = 6,
  kWriteSlices = 7,
  kAckBlock = 8,
  kKeepAlive = 9,
  kReadBlock = 10,
  kReadSlices = 11,
  kReadBegins = 12,
  kReadFails = 13,
  kCorruptSlice = 14,
  kTargetLost = 15,
  kChallenge = 16,
  kProof = 17,
  kSumBlock = 18,
  kBlockSummed = 19,
};

struct Hello {
  std::uint64_t magic = kHelloMagic;
  std::uint16_t version = kProtocolVersion;
  InterfaceVersions versions = own_versions();
  ClusterId cluster{};  // None when it is told with the proof.
  auth::Role role = auth::Role::kClient;
  auth::Method method = auth::Method::kNone;
  auth::KeyId key{};
  auth::Nonce nonce{};
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Hello& x) {
  return f(x.magic, x.version, x.versions, x.cluster, x.role, x.method, x.key, x.nonce);
}

// What the proofs are about, and when each frame has one: handshake.hpp.
struct Challenge {
  auth::Nonce nonce{};
  auth::Proof proof{};
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Challenge& x) {
  return f(x.nonce, x.proof);
}

struct ProofGiven {
  ClusterId cluster{};
  auth::Proof proof{};  // None: this side does not believe the challenge.
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ProofGiven& x) {
  return f(x.cluster, x.proof);
}

struct Welcome {
  std::uint16_t version = kProtocolVersion;
  InterfaceVersions versions = own_versions();
  NodeId node{};
  auth::Proof proof{};
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Welcome& x) {
  return f(x.version, x.versions, x.node, x.proof);
}

// How something went: a code of the error table, or 0 for success.
struct WireStatus {
  std::uint8_t code = 0;
  std::string message;

  bool ok() const { return code == 0; }
  // REQUIRES: !ok().
  Error to_error() const;
};
WireStatus wire_status(const Error& error);
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, WireStatus& x) {
  return f(x.code, x.message);
}

struct OpenPipeline {
  std::vector<metadata::Endpoint> targets;
  std::uint8_t background = 0;  // 1: as ConnectionOptions::background.
  std::uint8_t ahead = 0;  // How many nodes of the pipeline stand before the one that reads this.
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, OpenPipeline& x) {
  return f(x.targets, x.background, x.ahead);
}

struct BeginBlock {
  BlockId block;
  std::uint64_t generation = 0;
  std::uint64_t stored_bytes_hint = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, BeginBlock& x) {
  return f(x.block, x.generation, x.stored_bytes_hint);
}

// What the block held, so that a frame lost to an error of the program does not pass.
struct EndBlock {
  std::uint64_t slices = 0;
  std::uint64_t length = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, EndBlock& x) {
  return f(x.slices, x.length);
}

struct AckBlock {
  BlockId block;
  std::uint64_t stored_bytes = 0;
  std::vector<WireStatus> targets;  // The answering node first.
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, AckBlock& x) {
  return f(x.block, x.stored_bytes, x.targets);
}

// In the middle of a block: a target of the pipeline will not have it.
struct TargetLost {
  BlockId block;
  std::uint8_t target = 0;  // Places behind the node that sends this.
  WireStatus status;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, TargetLost& x) {
  return f(x.block, x.target, x.status);
}

// A sign of life.
struct KeepAlive {
  // For how long the disk of the sending node has had work of this pipeline without progress.
  std::uint32_t disk_stalled_ms = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, KeepAlive& x) {
  return f(x.disk_stalled_ms);
}

struct ReadBlock {
  BlockId block;
  std::uint64_t generation = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ReadBlock& x) {
  return f(x.block, x.generation, x.offset, x.length);
}

struct ReadBegins {
  BlockId block;
  std::uint64_t first_slice = 0;
  std::uint64_t slices = 0;
  std::uint64_t block_length = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ReadBegins& x) {
  return f(x.block, x.first_slice, x.slices, x.block_length);
}

struct CorruptSlice {
  BlockId block;
  std::uint64_t generation = 0;
  std::uint64_t slice = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CorruptSlice& x) {
  return f(x.block, x.generation, x.slice);
}

// Asks for the sums of a whole block; block_sum.hpp.
struct SumBlock {
  BlockId block;
  std::uint64_t generation = 0;
  std::uint64_t length = 0;  // A replica of another length is not one of this block.
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SumBlock& x) {
  return f(x.block, x.generation, x.length);
}

struct BlockSummed {
  BlockId block;
  BlockSum sum;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, BlockSummed& x) {
  return f(x.block, x.sum);
}

// A frame in a receive buffer. The spans point into it.
struct Frame {
  FrameType type = FrameType::kFailure;
  std::string_view control;
  std::size_t data_bytes = 0;
  std::span<const std::byte> data;  // What has arrived of the data part.

  std::size_t head_bytes() const { return kFrameHeaderBytes + control.size(); }
  std::size_t total_bytes() const { return head_bytes() + data_bytes; }
  bool complete() const { return data.size() == data_bytes; }
};

// The frame at the start of `in`, whatever bytes these are. None while its header and control part
// are incomplete; `data` may be incomplete. kProtocol for an unknown type, a length beyond the
// type's bounds or a wrong checksum. Nothing is allocated.
Result<std::optional<Frame>> parse_frame(std::span<const std::byte> in);

// How many bytes the frame that starts with `in` takes, as far as can be told: at least as many as
// are needed to know more. Never above kFrameBytesMax. REQUIRES: parse_frame(in) is ok.
std::size_t wanted_bytes(std::span<const std::byte> in);

// The slices of a WriteSlices or ReadSlices frame, copied out. kProtocol when sizes are out of
// bounds or do not add up to the data part, or a slice but the last is short.
struct SliceArray {
  std::array<storage::Slice, kFrameSlicesMax> slices;
  std::size_t count = 0;
  std::uint64_t raw_bytes = 0;

  std::span<const storage::Slice> span() const { return {slices.data(), count}; }
};
Result<SliceArray> parse_slices(const Frame& frame);

// The struct in a frame's control part. kProtocol unless it fills it exactly and holds what
// docs/formats.md allows.
// kUnsupported for a Hello of another version.
Result<Hello> parse_hello(std::string_view control);
Result<Challenge> parse_challenge(std::string_view control);
Result<ProofGiven> parse_proof(std::string_view control);
Result<Welcome> parse_welcome(std::string_view control);
Result<WireStatus> parse_wire_status(std::string_view control);
Result<OpenPipeline> parse_open_pipeline(std::string_view control);
Result<BeginBlock> parse_begin_block(std::string_view control);
Result<EndBlock> parse_end_block(std::string_view control);
Result<AckBlock> parse_ack_block(std::string_view control);
Result<KeepAlive> parse_keep_alive(std::string_view control);
Result<TargetLost> parse_target_lost(std::string_view control);
Result<ReadBlock> parse_read_block(std::string_view control);
Result<ReadBegins> parse_read_begins(std::string_view control);
Result<CorruptSlice> parse_corrupt_slice(std::string_view control);
Result<SumBlock> parse_sum_block(std::string_view control);
Result<BlockSummed> parse_block_summed(std::string_view control);

// kTimedOut when a KeepAlive frame says that its disk has made no progress for at least
// `disk_timeout`.
Status check_keep_alive(std::string_view control, std::chrono::milliseconds disk_timeout);

// Appends a frame without data part.
void append_frame(std::string& out, FrameType type, std::string_view control);
template <class T>
void append_frame(std::string& out, FrameType type, const T& value) {
  append_frame(out, type, std::string_view(encode(value)));
}

// Appends all of a slices frame but its data part. REQUIRES: 1 to 16 slices.
void append_slices_head(std::string& out, FrameType type, std::span<const storage::Slice> slices);

std::string_view to_string(FrameType type);

// The error that a Failure frame carries, or kProtocol when it does not decode.
Error failure_of(const Frame& frame, const std::string& peer);

// A frame that has no place where it came.
Error unexpected_frame(const Frame& frame, const std::string& peer);

}  // namespace minidfs::transfer
