#include "metadata/namespace_replies.hpp"

#include <catch2/catch.hpp>

namespace minidfs::metadata {
namespace {

using Seen = ReplyWindow::Seen;

TEST_CASE("A reply is kept until it is acknowledged") {
  ReplyWindow window;
  CHECK(window.find(1).seen == Seen::kNever);
  window.add(2, "two");
  window.add(1, "one");  // Requests may arrive out of order.
  window.add(4, "four");
  CHECK(window.find(1).reply == "one");
  CHECK(window.find(2).reply == "two");
  CHECK(window.find(3).seen == Seen::kNever);

  window.acknowledge_below(3);
  CHECK(window.find(2).seen == Seen::kForgotten);
  CHECK(window.find(3).seen == Seen::kNever);
  CHECK(window.find(4).reply == "four");
  window.acknowledge_below(1);  // An older acknowledgement changes nothing.
  CHECK(window.find(2).seen == Seen::kForgotten);
}

TEST_CASE("A window that is full forgets its oldest reply and never does that request again") {
  ReplyWindow window;
  for (std::uint64_t i = 1; i <= kRepliesPerClient; ++i) window.add(i + 10, "r");
  CHECK(window.find(11).seen == Seen::kAnswered);
  window.add(kRepliesPerClient + 11, "r");
  CHECK(window.size() == kRepliesPerClient);
  CHECK(window.find(11).seen == Seen::kForgotten);
  CHECK(window.find(12).seen == Seen::kAnswered);
}

TEST_CASE("A window survives its encoding, and a damaged encoding is refused") {
  ReplyWindow window;
  window.acknowledge_below(5);
  window.add(5, "five");
  window.add(9, std::string(100, 'n'));
  const std::string bytes = window.encode();
  auto decoded = ReplyWindow::decode(bytes);
  REQUIRE(decoded.ok());
  CHECK(decoded->find(4).seen == Seen::kForgotten);
  CHECK(decoded->find(5).reply == "five");
  CHECK(decoded->find(6).seen == Seen::kNever);
  CHECK(decoded->memory_bytes() == window.memory_bytes());
  CHECK(decoded->encode() == bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    REQUIRE_FALSE(ReplyWindow::decode(std::string_view(bytes).substr(0, size)).ok());
  }
}

TEST_CASE("Memory is given back with the replies") {
  ReplyWindow window;
  for (std::uint64_t i = 1; i < 100; ++i) window.add(i, std::string(i, 'r'));
  window.acknowledge_below(100);
  CHECK(window.memory_bytes() == 0);
}

}  // namespace
}  // namespace minidfs::metadata
