#include "consensus/peers/peer_mail.hpp"

#include <catch2/catch.hpp>

namespace minidfs::consensus {

TEST_CASE("mail keeps its order, tells once, and drops messages before news of connections") {
  int told = 0;
  PeerMail mail([&] { ++told; }, 1000);
  mail.connected(7, 1, 3);
  mail.received(7, 1, std::string(500, 'a'));
  mail.received(7, 1, std::string(500, 'b'));  // No room.
  mail.disconnected(7, 1);
  CHECK(told == 1);
  const auto items = mail.take();
  REQUIRE(items.size() == 3);
  CHECK(std::get<PeerMail::Connected>(items[0]).epoch == 1);
  CHECK(std::get<PeerMail::Connected>(items[0]).version == 3);
  CHECK(std::get<PeerMail::Received>(items[1]).bytes == std::string(500, 'a'));
  CHECK(std::get<PeerMail::Disconnected>(items[2]).peer == 7);
  CHECK(mail.take().empty());
  mail.received(7, 1, std::string(900, 'c'));
  CHECK(told == 2);
  CHECK(mail.take().size() == 1);
}

}  // namespace minidfs::consensus
