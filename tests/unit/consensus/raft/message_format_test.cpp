#include "consensus/raft/message_format.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "base/checksum.hpp"
#include "base/codec.hpp"

namespace minidfs::consensus {
namespace {

// With a checksum that is right.
std::string sealed(std::string content) {
  const auto sum = checksum(std::string_view(content));
  return content + encode(sum);
}

std::string content_of(const std::string& bytes) {
  return bytes.substr(0, bytes.size() - sizeof(Checksum));
}

Errc refusal(const std::string& bytes) {
  const auto packet = decode_message(bytes, "member 7");
  REQUIRE_FALSE(packet.ok());
  CHECK_THAT(packet.error().message, Catch::Contains("member 7"));
  return packet.error().code;
}

template <class Body>
Body through(const Body& body) {
  const auto packet = decode_message(encode_message({77, body}, {}), "member 7");
  REQUIRE(packet.ok());
  CHECK(packet->message.term == 77);
  CHECK(packet->entries.empty());
  return std::get<Body>(packet->message.body);
}

const Message kAppend{9, Append{{8, 40}, 42, 39, 5}};
const std::vector<Entry> kEntries{{41, 8, EntryKind::kCommand, std::string("a\0b", 3)},
                                  {42, 9, EntryKind::kNoOp, ""}};

}  // namespace

TEST_CASE("Every message comes out of its bytes as it went in") {
  CHECK(through(PreVote{{3, 4}}).last == Position{3, 4});
  CHECK(through(PreVoteReply{true}).granted);
  CHECK_FALSE(through(PreVoteReply{false}).granted);
  const auto vote = through(Vote{{5, 6}, true});
  CHECK(vote.last == Position{5, 6});
  CHECK(vote.transfer);
  CHECK(through(VoteReply{true}).granted);
  const auto reply = through(AppendReply{true, 1, 2, {3, 4}, 5, 6});
  CHECK(reply.accepted);
  CHECK(reply.matched == 1);
  CHECK(reply.refused == 2);
  CHECK(reply.hint == Position{3, 4});
  CHECK(reply.round == 5);
  CHECK(reply.applied == 6);
  through(TimeoutNow{});
  CHECK(through(Append{{1, 2}, 2, 3, 4}).last == 2);
}

TEST_CASE("An Append brings its entries, numbered") {
  const auto packet = decode_message(encode_message(kAppend, kEntries), "member 7");
  REQUIRE(packet.ok());
  const auto& append = std::get<Append>(packet->message.body);
  CHECK(append.prev == Position{8, 40});
  CHECK(append.last == 42);
  CHECK(append.committed == 39);
  CHECK(append.round == 5);
  CHECK(packet->entries == kEntries);
}

TEST_CASE("The largest entry goes alone, and nothing larger comes in") {
  const std::vector<Entry> one{{1, 1, EntryKind::kCommand, std::string(kPayloadMaxBytes, 'x')}};
  const auto bytes = encode_message({1, Append{{}, 1, 0, 1}}, one);
  CHECK(bytes.size() <= kMessageMaxBytes);
  CHECK(decode_message(bytes, "member 7").ok());
  auto content = content_of(encode_message({1, Append{{}, 0, 0, 1}}, {}));
  content.resize(content.size() - sizeof(std::uint32_t));
  content += encode(std::uint32_t{1}) + encode(Term{1}) + encode(EntryKind::kCommand) +
             encode(std::string(kPayloadMaxBytes + 1, 'x'));
  CHECK(refusal(sealed(content)) == Errc::kProtocol);
  CHECK(refusal(sealed(std::string(kMessageMaxBytes, 'x'))) == Errc::kProtocol);
}

TEST_CASE("Bytes that were changed, cut or made longer are refused") {
  const auto bytes = encode_message(kAppend, kEntries);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    CHECK(refusal(changed) == Errc::kProtocol);
    CHECK(refusal(bytes.substr(0, i)) == Errc::kProtocol);
  }
  // And so they are by who can make a checksum.
  const auto content = content_of(bytes);
  for (std::size_t i = 0; i < content.size(); ++i) {
    CHECK(refusal(sealed(content.substr(0, i))) == Errc::kProtocol);
  }
  CHECK(refusal(sealed(content + '\0')) == Errc::kProtocol);
}

TEST_CASE("What no member would write is refused") {
  // A kind of entry, and a number of entries, that cannot be.
  auto content = content_of(encode_message({9, Append{{8, 40}, 41, 39, 5}}, {{kEntries.front()}}));
  const auto kind_at = content.size() - 3 - 4 - 1;
  REQUIRE(content[kind_at] == static_cast<char>(EntryKind::kCommand));
  for (const char kind : {'\0', '\4'}) {
    content[kind_at] = kind;
    CHECK(refusal(sealed(content)) == Errc::kProtocol);
  }
  auto many = content_of(encode_message({9, Append{{8, 40}, 40, 39, 5}}, {}));
  many.replace(many.size() - 4, 4, encode(std::uint32_t{0xFFFFFFFF}));
  CHECK(refusal(sealed(many)) == Errc::kProtocol);
  // Numbers from which none could be counted on.
  CHECK(refusal(encode_message({~0ULL, TimeoutNow{}}, {})) == Errc::kProtocol);
  CHECK(refusal(encode_message({1, Append{{1, ~0ULL}, ~0ULL, 0, 1}}, {})) == Errc::kProtocol);
  // Neither yes nor no.
  auto vote = content_of(encode_message({1, VoteReply{true}}, {}));
  vote.back() = 2;
  CHECK(refusal(sealed(vote)) == Errc::kProtocol);
}

TEST_CASE("A message of a newer version is told from a broken one") {
  auto content = content_of(encode_message({1, TimeoutNow{}}, {}));
  content.front() = 8;
  CHECK(refusal(sealed(content)) == Errc::kUnsupported);
  content.front() = 0;
  CHECK(refusal(sealed(content)) == Errc::kUnsupported);
}

}  // namespace minidfs::consensus
