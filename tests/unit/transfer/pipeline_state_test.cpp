// What a writer knows of its pipeline, and the frames that it sends.
#include "transfer/pipeline_state.hpp"

#include "transfer/outgoing_frames.hpp"
#include "unit/transfer/fixture.hpp"

namespace minidfs::transfer {
namespace {

using std::chrono::milliseconds;

struct Writer {
  Status told(FrameType type, const auto& content) {
    std::string bytes;
    append_frame(bytes, type, content);
    const auto frame = parse_frame(std::as_bytes(std::span(bytes)));
    REQUIRE((frame.ok() && frame->has_value()));
    return state.take(**frame);
  }
  void begin(BlockId block) { REQUIRE(state.begin(block, kGeneration, 0, out).ok()); }
  void end() { REQUIRE(state.end(out).ok()); }

  PipelineState state{{{"one", 1}, {"two", 2}, {"three", 3}}, milliseconds(300)};
  std::string out;
};

const WireStatus kStored{};
const WireStatus kLate = wire_status({Errc::kTimedOut, "no progress"});
const WireStatus kFull = wire_status({Errc::kNoSpace, "no space"});

TEST_CASE("Acks come in the order of the ends and tell who has the block") {
  Writer writer;
  writer.begin(BlockId{1});
  writer.end();
  writer.begin(BlockId{2});
  writer.end();
  CHECK(writer.state.unacknowledged() == 2);
  CHECK(!writer.state.take_ack());
  REQUIRE(
      writer.told(FrameType::kAckBlock, AckBlock{BlockId{1}, 77, {kStored, kLate, kFull}}).ok());
  REQUIRE(
      writer.told(FrameType::kAckBlock, AckBlock{BlockId{2}, 0, {kStored, kStored, kStored}}).ok());
  const auto first = writer.state.take_ack();
  REQUIRE(first.has_value());
  CHECK(first->block == BlockId{1});
  CHECK(first->stored_bytes == 77);
  CHECK(first->stored == std::vector<bool>{true, false, false});
  CHECK(first->timed_out == std::vector<bool>{false, true, false});
  CHECK(first->codes[2] == Errc::kNoSpace);
  CHECK(first->errors == std::vector<std::string>{"", "two:2: no progress", "three:3: no space"});
  CHECK(writer.state.take_ack()->block == BlockId{2});
  CHECK(writer.state.unacknowledged() == 0);
}

TEST_CASE("An ack that is not due ends the pipeline") {
  Writer writer;
  writer.begin(BlockId{1});
  const AckBlock ack{BlockId{1}, 0, {kStored, kStored, kStored}};
  CHECK(writer.told(FrameType::kAckBlock, ack).error().code == Errc::kProtocol);  // Still open.
  writer.end();
  writer.begin(BlockId{2});
  writer.end();
  const AckBlock other{BlockId{2}, 0, {kStored, kStored, kStored}};
  CHECK(writer.told(FrameType::kAckBlock, other).error().code == Errc::kProtocol);
  const AckBlock short_one{BlockId{1}, 0, {kStored, kStored}};
  CHECK(writer.told(FrameType::kAckBlock, short_one).error().code == Errc::kProtocol);
  CHECK(writer.told(FrameType::kAckBlock, ack).ok());
  CHECK(writer.told(FrameType::kAckBlock, ack).error().code == Errc::kProtocol);
}

TEST_CASE("Losses are those of the open block, each target's once") {
  Writer writer;
  CHECK(writer.told(FrameType::kTargetLost, TargetLost{BlockId{1}, 1, kLate}).error().code ==
        Errc::kProtocol);
  writer.begin(BlockId{1});
  CHECK(!writer.state.losses());
  REQUIRE(writer.told(FrameType::kTargetLost, TargetLost{BlockId{1}, 2, kFull}).ok());
  REQUIRE(writer.told(FrameType::kTargetLost, TargetLost{BlockId{1}, 1, kLate}).ok());
  REQUIRE(writer.state.losses());
  CHECK(writer.state.losses()->stored == std::vector<bool>{true, false, false});
  CHECK(writer.state.losses()->timed_out == std::vector<bool>{false, true, false});
  CHECK(writer.told(FrameType::kTargetLost, TargetLost{BlockId{1}, 1, kLate}).error().code ==
        Errc::kProtocol);
  CHECK(writer.told(FrameType::kTargetLost, TargetLost{BlockId{1}, 3, kLate}).error().code ==
        Errc::kProtocol);
  writer.end();
  CHECK(!writer.state.losses());
  writer.begin(BlockId{2});
  // It was on its way when block 1 was ended, whose ack will tell it.
  CHECK(writer.told(FrameType::kTargetLost, TargetLost{BlockId{1}, 0, kLate}).ok());
  CHECK(!writer.state.losses());
}

TEST_CASE("A node whose disk stands still for the limit, or that says no, is lost") {
  Writer writer;
  CHECK(writer.told(FrameType::kKeepAlive, KeepAlive{299}).ok());
  const auto stalled = writer.told(FrameType::kKeepAlive, KeepAlive{300});
  REQUIRE(!stalled.ok());
  CHECK(stalled.error().code == Errc::kTimedOut);
  CHECK(stalled.error().message.starts_with("one:1: "));
  const auto refused = writer.told(FrameType::kFailure, kFull);
  REQUIRE(!refused.ok());
  CHECK(refused.error().code == Errc::kNoSpace);
  CHECK(writer.told(FrameType::kWelcome, Welcome{}).error().code == Errc::kProtocol);
}

TEST_CASE("Blocks are not nested, and slices have their bytes") {
  Writer writer;
  const storage::Slice slice{.stored_bytes = 5, .raw_bytes = 5};
  CHECK(!writer.state.end(writer.out).ok());
  CHECK(!writer.state.admit(std::span(&slice, 1), 5).ok());
  writer.begin(BlockId{1});
  CHECK(!writer.state.begin(BlockId{2}, kGeneration, 0, writer.out).ok());
  CHECK(!writer.state.admit(std::span(&slice, 1), 4).ok());
  CHECK(writer.state.admit(std::span(&slice, 1), 5).ok());
  writer.out.clear();
  writer.end();
  const auto frame = parse_frame(std::as_bytes(std::span(writer.out)));
  const auto end = parse_end_block((*frame)->control);
  REQUIRE(end.ok());
  CHECK(end->slices == 1);
  CHECK(end->length == 5);
}

TEST_CASE("A pipeline has a first target, few others, and names for them") {
  const auto opening_of = [](std::vector<metadata::Endpoint> targets) {
    return PipelineState(std::move(targets), milliseconds(1)).opening(true, 0);
  };
  CHECK(!opening_of({}).ok());
  CHECK(!opening_of({{"one", 1}, {"", 2}}).ok());
  CHECK(!opening_of({{"one", 1}, {std::string(256, 'x'), 2}}).ok());
  CHECK(!opening_of(std::vector<metadata::Endpoint>(17, {"one", 1})).ok());
  const auto opening = opening_of({{"one", 1}, {"two", 2}});
  REQUIRE(opening.ok());
  const auto frame = parse_frame(std::as_bytes(std::span(*opening)));
  const auto open = parse_open_pipeline((*frame)->control);
  REQUIRE(open.ok());
  CHECK(open->targets == std::vector<metadata::Endpoint>{{"two", 2}});
  CHECK(open->background == 1);
}

TEST_CASE("Frames go out whole and in order, however little is taken at a time") {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    const auto count = std::uniform_int_distribution<std::size_t>(0, 200)(random);
    std::vector<storage::Slice> slices(count);
    std::size_t bytes = 0;
    for (auto& slice : slices) {
      slice.raw_bytes = storage::kSliceBytes;
      slice.stored_bytes =
          std::uniform_int_distribution<std::uint32_t>(1, storage::kSliceBytes)(random);
      bytes += slice.stored_bytes;
    }
    const std::string data = random_bytes(bytes, static_cast<unsigned>(round));
    std::string before = "frames before";
    OutgoingFrames frames;
    frames.begin(before, slices, std::as_bytes(std::span(data)));
    CHECK(before.empty());
    std::string out;
    while (!frames.done()) {
      auto& parts = frames.next();
      REQUIRE(!parts.empty());
      auto& part = parts.front();
      const auto size = std::uniform_int_distribution<std::size_t>(1, part.iov_len)(random);
      out.append(static_cast<const char*>(part.iov_base), size);
      part.iov_base = static_cast<char*>(part.iov_base) + size;
      part.iov_len -= size;
      if (part.iov_len == 0) parts = parts.subspan(1);
    }
    REQUIRE(out.starts_with("frames before"));
    std::size_t at = std::string("frames before").size();
    std::string got;
    std::size_t got_slices = 0;
    while (at < out.size()) {
      const auto frame = parse_frame(std::as_bytes(std::span(out)).subspan(at));
      REQUIRE((frame.ok() && frame->has_value() && (*frame)->complete()));
      const auto array = parse_slices(**frame);
      REQUIRE(array.ok());
      got.append(reinterpret_cast<const char*>((*frame)->data.data()), (*frame)->data.size());
      got_slices += array->count;
      at += (*frame)->total_bytes();
    }
    CHECK(got == data);
    CHECK(got_slices == count);
  }
}

}  // namespace
}  // namespace minidfs::transfer
