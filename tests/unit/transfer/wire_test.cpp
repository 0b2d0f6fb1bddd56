// The frames as bytes.
#include "transfer/wire.hpp"

#include <catch2/catch.hpp>
#include <random>

namespace minidfs::transfer {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string sample_frames() {
  std::string all;
  append_frame(all, FrameType::kHello, Hello{.cluster = {1, 2}});
  append_frame(all, FrameType::kChallenge, Challenge{});
  append_frame(all, FrameType::kProof, ProofGiven{.cluster = {1, 2}});
  append_frame(all, FrameType::kOpenPipeline,
               OpenPipeline{{{"a.example", 9866}, {"::1", 9867}}, 1});
  append_frame(all, FrameType::kBeginBlock, BeginBlock{BlockId{1}, 2, 3});
  const std::vector<storage::Slice> slices{{10, storage::kSliceBytes, 5}, {7, 7, 6}};
  append_slices_head(all, FrameType::kWriteSlices, slices);
  all += std::string(17, 'd');
  append_frame(all, FrameType::kEndBlock, EndBlock{2, storage::kSliceBytes + 7});
  append_frame(all, FrameType::kAckBlock, AckBlock{BlockId{1}, 17, {{0, ""}, {9, "disk"}}});
  append_frame(all, FrameType::kKeepAlive, KeepAlive{7});
  append_frame(all, FrameType::kReadBlock, ReadBlock{BlockId{1}, 2, 3, 4});
  append_frame(all, FrameType::kReadFails, WireStatus{2, "not found"});
  append_frame(all, FrameType::kTargetLost, TargetLost{BlockId{1}, 2, {9, "disk"}});
  append_frame(all, FrameType::kSumBlock, SumBlock{BlockId{1}, 2, 3});
  append_frame(all, FrameType::kBlockSummed, BlockSummed{BlockId{1}, {}});
  return all;
}

// What a receiver does with bytes: every frame, and what stands in it.
std::size_t walk(std::span<const std::byte> in) {
  std::size_t frames = 0;
  for (;;) {
    const auto parsed = parse_frame(in);
    if (!parsed.ok() || !parsed->has_value()) break;
    const Frame& frame = **parsed;
    CHECK(wanted_bytes(in) == frame.total_bytes());
    CHECK(frame.total_bytes() <= kFrameBytesMax);
    if (!frame.complete()) break;
    ++frames;
    (void)parse_slices(frame).ok();
    (void)parse_hello(frame.control).ok();
    (void)parse_welcome(frame.control).ok();
    (void)parse_challenge(frame.control).ok();
    (void)parse_proof(frame.control).ok();
    (void)parse_wire_status(frame.control).ok();
    (void)parse_open_pipeline(frame.control).ok();
    (void)parse_begin_block(frame.control).ok();
    (void)parse_end_block(frame.control).ok();
    (void)parse_ack_block(frame.control).ok();
    (void)parse_target_lost(frame.control).ok();
    (void)parse_read_block(frame.control).ok();
    (void)parse_read_begins(frame.control).ok();
    (void)parse_corrupt_slice(frame.control).ok();
    (void)parse_sum_block(frame.control).ok();
    (void)parse_block_summed(frame.control).ok();
    in = in.subspan(frame.total_bytes());
  }
  return frames;
}

TEST_CASE("A frame is found only when its header and control part are whole") {
  const std::string all = sample_frames();
  CHECK(walk(bytes_of(all)) == 14);
  std::string first;
  append_frame(first, FrameType::kHello, Hello{.cluster = {1, 2}});
  for (std::size_t size = 0; size < first.size(); ++size) {
    const auto parsed = parse_frame(bytes_of(first).first(size));
    REQUIRE(parsed.ok());
    REQUIRE(!parsed->has_value());
  }
}

TEST_CASE("A pipeline has at most sixteen nodes, wherever in it a node stands") {
  const auto parses = [](std::size_t further, std::uint8_t ahead) {
    OpenPipeline open;
    open.targets.assign(further, metadata::Endpoint{"a.example", 9866});
    open.ahead = ahead;
    return parse_open_pipeline(encode(open)).ok();
  };
  CHECK(parses(15, 0));
  CHECK(parses(0, 15));
  CHECK(parses(7, 8));
  CHECK_FALSE(parses(16, 0));
  CHECK_FALSE(parses(0, 16));
  CHECK_FALSE(parses(8, 8));
}

TEST_CASE("Any flipped bit of a header or control part is noticed") {
  std::string frame;
  append_frame(frame, FrameType::kBeginBlock, BeginBlock{BlockId{1}, 2, 3});
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    std::string damaged = frame;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto parsed = parse_frame(bytes_of(damaged));
    REQUIRE((!parsed.ok() || !parsed->has_value()));
  }
}

TEST_CASE("Values come back as they were") {
  std::string bytes;
  append_frame(bytes, FrameType::kAckBlock, AckBlock{BlockId{4}, 17, {{0, ""}, {9, "disk"}}});
  const auto frame = parse_frame(bytes_of(bytes));
  REQUIRE(frame.ok());
  const auto ack = parse_ack_block((*frame)->control);
  REQUIRE(ack.ok());
  CHECK(ack->block == BlockId{4});
  CHECK(ack->stored_bytes == 17);
  REQUIRE(ack->targets.size() == 2);
  CHECK(ack->targets[0].ok());
  CHECK(ack->targets[1].to_error().code == Errc::kIoError);
  CHECK(ack->targets[1].message == "disk");
}

TEST_CASE("A lost target comes back as it was, and out of bounds it is refused") {
  const auto parsed = [](const TargetLost& lost) {
    std::string bytes;
    append_frame(bytes, FrameType::kTargetLost, lost);
    const auto frame = parse_frame(bytes_of(bytes));
    REQUIRE(frame.ok());
    return parse_target_lost((*frame)->control);
  };
  const std::string longest(kMessageBytesMax, 'm');
  const auto lost = parsed({BlockId{4}, kFurtherTargetsMax, {9, longest}});
  REQUIRE(lost.ok());
  CHECK(lost->block == BlockId{4});
  CHECK(lost->target == kFurtherTargetsMax);
  CHECK(lost->status.to_error().code == Errc::kIoError);
  CHECK(lost->status.message == longest);
  CHECK(!parsed({BlockId{4}, kFurtherTargetsMax + 1, {9, "disk"}}).ok());
  CHECK(!parsed({BlockId{0}, 1, {9, "disk"}}).ok());
  CHECK(!parsed({BlockId{4}, 1, {0, "success"}}).ok());
  CHECK(!parsed({BlockId{4}, 1, {255, "no such code"}}).ok());
  CHECK(!parse_target_lost("short").ok());
  std::string too_long;
  append_frame(too_long, FrameType::kTargetLost,
               TargetLost{BlockId{4}, 1, {9, std::string(1100, 'm')}});
  CHECK(!parse_frame(bytes_of(too_long)).ok());
}

TEST_CASE("Slices out of bounds are refused") {
  const auto refused = [](std::vector<storage::Slice> slices, std::size_t data_bytes) {
    Frame frame;
    frame.type = FrameType::kWriteSlices;
    frame.control = {reinterpret_cast<const char*>(slices.data()),
                     slices.size() * sizeof(storage::Slice)};
    frame.data_bytes = data_bytes;
    return !parse_slices(frame).ok();
  };
  constexpr std::uint32_t kFull = storage::kSliceBytes;
  CHECK(!refused({{5, 9, 0}}, 5));
  CHECK(!refused({{5, kFull, 0}, {5, 9, 0}}, 10));
  CHECK(refused({}, 0));
  CHECK(refused({{0, 9, 0}}, 0));
  CHECK(refused({{10, 9, 0}}, 10));
  CHECK(refused({{5, kFull + 1, 0}}, 5));
  CHECK(refused({{5, 9, 0}, {5, 9, 0}}, 10));  // A short slice that is not the last.
  CHECK(refused({{5, 9, 0}}, 6));
  CHECK(refused(std::vector<storage::Slice>(17, {1, kFull, 0}), 17));
}

TEST_CASE("Mutated frames never do more than fail") {
  const std::string all = sample_frames();
  std::mt19937_64 random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = all.substr(random() % 64);
    for (auto left = random() % 8; left > 0; --left) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    bytes.resize(random() % (bytes.size() + 1));
    walk(bytes_of(bytes));
  }
}

}  // namespace
}  // namespace minidfs::transfer
