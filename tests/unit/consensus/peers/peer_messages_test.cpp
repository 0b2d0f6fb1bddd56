#include "consensus/peers/peer_messages.hpp"

#include <catch2/catch.hpp>
#include <vector>

#include "base/codec.hpp"
#include "consensus/quorum.hpp"

namespace minidfs::consensus {
namespace {

std::vector<PeerMessage> examples() {
  return {Packet{{5, AppendReply{.accepted = true, .matched = 7}}, {}},
          Announce{"host:8021", {3, 9}, 4},
          SeedBegin{8, {3, 9}, "members"},
          SeedPiece{8, 2, "bytes"},
          SeedEnd{8, 3, 17},
          SeedAck{8, 2},
          SeedDone{8, true},
          Removed{6, 44},
          RolledBack{45},
          GiveSeed{9, 3, 1000, true},
          SeedGiven{9, true},
          AskCommitted{12},
          Committed{12, 99},
          SeedResume{8, 2}};
}

}  // namespace

TEST_CASE("all that members say comes back as it was said, and not when a bit is another one") {
  for (const auto& message : examples()) {
    const auto bytes = encode_peer_message(message);
    const auto back = decode_peer_message(bytes, "peer");
    REQUIRE(back.ok());
    CHECK(back->index() == message.index());
    CHECK(encode_peer_message(*back) == bytes);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      auto damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ 4);
      CHECK_FALSE(decode_peer_message(damaged, "peer").ok());
      CHECK_FALSE(decode_peer_message(bytes.substr(0, at), "peer").ok());
    }
  }
}

TEST_CASE("fields of members' messages have their bounds, and unknown kinds are told as such") {
  const auto with_sum = [](std::string bytes) {
    const auto sum = checksum(std::string_view(bytes));
    return bytes + encode(sum);
  };
  const auto code = [](const std::string& bytes) {
    return decode_peer_message(bytes, "peer").error().code;
  };
  const auto announce = [&](std::size_t size) {
    return with_sum(encode(std::uint8_t{32}) + encode(std::string(size, 'h')) + std::string(24, 0));
  };
  CHECK(decode_peer_message(announce(kAddressMaxBytes), "peer").ok());
  CHECK(code(announce(kAddressMaxBytes + 1)) == Errc::kProtocol);
  const auto piece = [&](std::size_t size) {
    return with_sum(encode(std::uint8_t{34}) + std::string(16, 0) + encode(std::string(size, 'p')));
  };
  CHECK(decode_peer_message(piece(kSeedPieceMaxBytes), "peer").ok());
  CHECK(code(piece(kSeedPieceMaxBytes + 1)) == Errc::kProtocol);
  CHECK(code(piece(0)) == Errc::kProtocol);
  CHECK(code(with_sum(encode(std::uint8_t{200}))) == Errc::kUnsupported);
  CHECK(code(with_sum(encode(std::uint8_t{38}) + std::string(17, 0))) == Errc::kProtocol);
}

}  // namespace minidfs::consensus
