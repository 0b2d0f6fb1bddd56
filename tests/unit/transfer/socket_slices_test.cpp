// What a thread of the disk takes from a writer's socket for itself, and what it leaves.
#include "transfer/socket_slices.hpp"

#include "unit/transfer/raw_peer.hpp"

namespace minidfs::transfer {
namespace {

constexpr std::size_t kSlice = storage::kSliceBytes;
constexpr std::size_t kHead = kFrameHeaderBytes + 2 * sizeof(storage::Slice);  // Of two slices.
constexpr BlockId kBlock{5};

// The bytes of a block as a writer sends them, in frames of so many slices each.
struct Sent {
  std::string bytes;
  std::string first_head;  // Of the first frame, which is not part of `bytes`.
};

Sent frames_of(const std::string& raw, std::size_t slices_a_frame) {
  Sent sent;
  storage::SliceEncoder encoder({});
  encoder.begin_block(kBlock, kGeneration);
  const auto all = std::as_bytes(std::span(raw));
  for (std::size_t at = 0; at < all.size(); at += slices_a_frame * kSlice) {
    const auto encoded =
        encoder.encode(all.subspan(at, std::min(slices_a_frame * kSlice, all.size() - at)));
    append_slices_head(at == 0 ? sent.first_head : sent.bytes, FrameType::kWriteSlices,
                       encoded.slices);
    sent.bytes.append(reinterpret_cast<const char*>(encoded.stored.data()), encoded.stored.size());
  }
  return sent;
}

OpenFrame open_frame(const std::string& head) {
  const auto parsed = parse_frame(std::as_bytes(std::span(head)));
  REQUIRE(parsed.ok());
  REQUIRE(parsed->has_value());
  return {*parse_slices(**parsed), 0, (*parsed)->data_bytes};
}

// A socket whose other end has sent something.
struct Wire {
  Wire() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    here = std::make_shared<UniqueFd>(ends[0]);
    there.reset(ends[1]);
    const int bytes = 4 << 20;
    REQUIRE(::setsockopt(there.get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) == 0);
  }
  void send(std::string_view bytes) {
    REQUIRE(::send(there.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) ==
            static_cast<ssize_t>(bytes.size()));
  }
  std::string rest() { return standing(*here); }
  // What has been sent from here.
  std::string heard() { return standing(there); }

  static std::string standing(const UniqueFd& end) {
    std::string all;
    std::string part(1 << 20, ' ');
    for (ssize_t count = 0; count >= 0;) {
      count = ::recv(end.get(), part.data(), part.size(), MSG_DONTWAIT);
      if (count == 0) break;
      all.append(part, 0, static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    }
    return all;
  }

  std::shared_ptr<UniqueFd> here;
  UniqueFd there;
};

std::string take_all(SocketSlices& source) {
  std::string stored;
  for (auto next = source.next(); !next.slices.empty(); next = source.next()) {
    std::size_t bytes = 0;
    for (const auto& slice : next.slices) bytes += slice.stored_bytes;
    CHECK(bytes == next.stored.size());
    stored.append(reinterpret_cast<const char*>(next.stored.data()), next.stored.size());
  }
  return stored;
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("A source takes the whole frames of its block that stand in the socket") {
  const std::string raw = random_bytes(6 * kSlice);
  const Sent sent = frames_of(raw, 2);
  Wire wire;
  // Any part of the first frame may have been received already, and any of the last may be missing.
  const std::size_t received = GENERATE(0UL, 1UL, kSlice, 2 * kSlice - 1);
  const std::size_t missing = GENERATE(0UL, 1UL, 2 * kSlice - 1, 2 * kSlice, 2 * kSlice + 3);
  const auto first = std::as_bytes(std::span(sent.bytes)).first(received);
  wire.send(std::string_view(sent.bytes).substr(received, sent.bytes.size() - received - missing));
  SocketSlices source(wire.here, {kBlock, kGeneration, 0, open_frame(sent.first_head),
                                  std::vector<std::byte>(first.begin(), first.end())});
  const std::size_t whole = missing == 0 ? 6 : 4;
  const bool same = take_all(source) == raw.substr(0, whole * kSlice);
  CHECK(same);  // Not printed by the megabyte.
  // What was left goes on where it stopped.
  wire.send(std::string_view(sent.bytes).substr(sent.bytes.size() - missing));
  auto taken = source.stop();
  CHECK(taken.received_bytes + wire.rest().size() == sent.bytes.size() - received);
  const std::string left = text_of(taken.spill);
  CHECK(sent.bytes.substr(0, sent.bytes.size() - missing).find(left, 0) != std::string::npos);
  std::uint64_t slices = 0;
  for (const auto& event : taken.events) {
    if (const auto* arrived = std::get_if<SlicesArrived>(&event)) {
      CHECK(arrived->verified.ok());
      CHECK(arrived->raw_bytes == arrived->count * kSlice);
      slices += arrived->count;
    }
  }
  CHECK(slices == whole);
  CHECK(source.next().slices.empty());
}

TEST_CASE("A source passes on what the next node takes at once, and leaves the rest in its order") {
  const std::string raw = random_bytes(6 * kSlice);
  const Sent sent = frames_of(raw, 2);
  Wire writer;
  Wire next;
  // The next node takes everything, some frames, a part of one, or is gone.
  const int room = GENERATE(4 << 20, 400'000, 60'000, 0);
  CAPTURE(room);
  REQUIRE(::setsockopt(next.here->get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
  if (room == 0) next.there.reset();
  // Nothing, a part of the second frame's data, its head alone, a part of its head.
  const std::size_t missing =
      GENERATE(0UL, 2 * kSlice + 1, 4 * kSlice + kHead, 4 * kSlice + 2 * kHead - 1);
  CAPTURE(missing);
  const std::string there = sent.bytes.substr(0, sent.bytes.size() - missing);
  writer.send(there);
  const auto memory =
      std::make_shared<std::vector<std::byte>>(SocketSlices::memory_for(2 * kSlice));
  SocketSlices source(writer.here, {kBlock, kGeneration, 0, open_frame(sent.first_head), {}},
                      SocketSlices::Next{next.here, memory, *memory});
  const std::string stored = take_all(source);
  CHECK(stored.size() >= 2 * kSlice);
  const bool same = raw.compare(0, stored.size(), stored) == 0;
  CHECK(same);
  const auto taken = source.stop();
  const std::string passed_on = room == 0 ? std::string() : next.heard();
  CHECK(passed_on.size() == taken.sent_bytes);
  // What was not taken whole is not passed on, but for its head.
  CHECK(passed_on.size() + taken.unsent.size() <= stored.size() + 3 * kHead);
  const bool whole =
      passed_on + text_of(taken.unsent) + text_of(taken.spill) + writer.rest() == there;
  CHECK(whole);
  if (room > 0 && !taken.unsent.empty() && taken.unsent.size() > kHead) {
    CHECK(stored.size() < raw.size());  // It stops where the next node does.
  }
}

TEST_CASE("A source leaves a frame for which it has no room") {
  const std::string raw = random_bytes(6 * kSlice);
  const Sent sent = frames_of(raw, 3);
  Wire writer;
  Wire next;
  writer.send(sent.bytes);
  const auto memory = std::make_shared<std::vector<std::byte>>(3 * kSlice - 1);
  SocketSlices source(writer.here, {kBlock, kGeneration, 0, open_frame(sent.first_head), {}},
                      SocketSlices::Next{next.here, memory, *memory});
  CHECK(source.next().slices.empty());
  const auto taken = source.stop();
  CHECK(taken.unsent.empty());
  const bool whole = text_of(taken.spill) + writer.rest() == sent.bytes;
  CHECK(whole);
}

TEST_CASE("A source leaves what is no slice of its block, and ends with the last slice") {
  const std::string raw = random_bytes(2 * kSlice + 100);
  Sent sent = frames_of(raw, 1);
  std::string end;
  append_frame(end, FrameType::kEndBlock, EndBlock{3, raw.size()});
  std::string next;
  append_frame(next, FrameType::kBeginBlock, BeginBlock{BlockId{6}, 1, 0});
  Wire wire;
  wire.send(sent.bytes + end + next);
  SocketSlices source(wire.here, {kBlock, kGeneration, 0, open_frame(sent.first_head), {}});
  const bool same = take_all(source) == raw;
  CHECK(same);
  const auto taken = source.stop();
  CHECK_FALSE(taken.frame);
  CHECK(text_of(taken.spill) + wire.rest() == end + next);
}

TEST_CASE("A source gives no slice whose checksum is wrong, and none after it") {
  const std::string raw = random_bytes(4 * kSlice);
  Sent sent = frames_of(raw, 1);
  sent.bytes[sent.bytes.size() - 2 * kSlice - 1000] ^= 1;  // In the second or third slice.
  Wire wire;
  wire.send(sent.bytes);
  SocketSlices source(wire.here, {kBlock, kGeneration, 0, open_frame(sent.first_head), {}});
  const std::string stored = take_all(source);
  CHECK(raw.compare(0, stored.size(), stored) == 0);
  CHECK(stored.size() < raw.size());
  const auto taken = source.stop();
  const auto* last = std::get_if<SlicesArrived>(&taken.events.back());
  REQUIRE(last != nullptr);
  CHECK(last->verified.error().code == Errc::kCorrupt);
}

TEST_CASE("A block goes from the socket to the disk by the disk's own thread at every node") {
  const auto nodes = make_nodes(3);
  const auto writer = open_writer(endpoints_of(nodes));
  const std::string bytes = random_bytes(300 * kSlice + 17);
  const std::vector<bool> everywhere(3, true);
  CHECK(write_block(*writer, BlockId{1}, bytes).stored == everywhere);
  for (const auto& node : nodes) {
    CHECK(*read_range(*open_client(*node), BlockId{1}, 0, bytes.size()) == bytes);
  }
  // Blocks follow one another on one connection. A node that gets all of one before it looks takes
  // it from memory.
  const auto each_lent = [&nodes] {
    return std::all_of(nodes.begin(), nodes.end(),
                       [](const auto& node) { return node->store.sources() > 0; });
  };
  constexpr std::uint64_t kBlocksMax = 200;
  for (std::uint64_t i = 2; i < 6 || (!each_lent() && i < kBlocksMax); ++i) {
    const std::string more = random_bytes(40 * kSlice + i, static_cast<unsigned>(i));
    CHECK(write_block(*writer, BlockId{i}, more).stored == everywhere);
    for (const auto& node : nodes) {
      CHECK(*read_range(*open_client(*node), BlockId{i}, 0, more.size()) == more);
    }
  }
  CHECK(each_lent());
  for (const auto& node : nodes) {
    CHECK(comes_true([&] { return node->server->load().receive_bytes == 0; }));
  }
}

TEST_CASE("A disk that fails while it takes a block for itself loses that block only") {
  Node node;
  const auto writer = open_writer({node.endpoint()});
  node.store.fail_appends_of(BlockId{2});
  CHECK(write_block(*writer, BlockId{1}, random_bytes(40 * kSlice)).stored ==
        std::vector<bool>{true});
  CHECK(write_block(*writer, BlockId{2}, random_bytes(40 * kSlice)).stored ==
        std::vector<bool>{false});
  CHECK(write_block(*writer, BlockId{3}, random_bytes(40 * kSlice)).stored ==
        std::vector<bool>{true});
  CHECK(node.store.open_writers() == 0);
}

TEST_CASE("A node whose disk fails while it takes a block for itself passes the whole block on") {
  const auto nodes = make_nodes(2);
  const auto writer = open_writer(endpoints_of(nodes));
  nodes[0]->store.fail_appends_of(BlockId{1});
  const std::string bytes = random_bytes(100 * kSlice);
  CHECK(write_block(*writer, BlockId{1}, bytes).stored == std::vector<bool>{false, true});
  CHECK(*read_range(*open_client(*nodes[1]), BlockId{1}, 0, bytes.size()) == bytes);
}

}  // namespace minidfs::transfer
