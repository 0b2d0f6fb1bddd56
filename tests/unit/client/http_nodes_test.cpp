#include "client/http_nodes.hpp"

#include <catch2/catch.hpp>

namespace minidfs::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr HttpNodes::TimePoint kStart{seconds(1000)};

actors::HttpNodesReply reply_of(std::uint64_t id) {
  actors::HttpNodesReply reply;
  reply.nodes.emplace_back().node = NodeId{0, id};
  return reply;
}

}  // namespace

TEST_CASE("the datanodes with HTTP are asked for at first, and when what is known is too old") {
  HttpNodes nodes;
  CHECK(nodes.look(kStart).nodes == nullptr);
  CHECK(nodes.look(kStart).ask_again);
  nodes.note(reply_of(1), kStart);
  const auto known = nodes.look(kStart + seconds(1));
  REQUIRE(known.nodes != nullptr);
  CHECK(known.nodes->at(0).node == NodeId{0, 1});
  CHECK_FALSE(known.ask_again);
  const auto old = nodes.look(kStart + HttpNodes::kUsable);
  CHECK(old.nodes == nullptr);
  CHECK(old.ask_again);
}

TEST_CASE("one asks again while the others go on with what is known") {
  HttpNodes nodes;
  nodes.note(reply_of(1), kStart);
  const auto later = kStart + HttpNodes::kFresh;
  CHECK(nodes.look(later).ask_again);
  const auto other = nodes.look(later);
  CHECK_FALSE(other.ask_again);
  REQUIRE(other.nodes != nullptr);
  CHECK(other.nodes->at(0).node == NodeId{0, 1});
  nodes.note(reply_of(2), later + milliseconds(10));
  CHECK(nodes.look(later + milliseconds(20)).nodes->at(0).node == NodeId{0, 2});
  CHECK(nodes.look(later + milliseconds(10) + HttpNodes::kFresh).ask_again);
}

TEST_CASE("a namenode that cannot tell leaves no datanode, for as long as an answer would") {
  HttpNodes nodes;
  nodes.note(reply_of(1), kStart);
  CHECK(nodes.note(Error{Errc::kUnsupported, "version 1"}, kStart + seconds(3))->empty());
  const auto known = nodes.look(kStart + seconds(4));
  REQUIRE(known.nodes != nullptr);
  CHECK(known.nodes->empty());
  CHECK_FALSE(known.ask_again);
}

}  // namespace minidfs::client
