// Orders to remove surplus replicas: what becomes of one that waits, or has to be given again, when
// other replicas are lost meanwhile.
#include <catch2/catch.hpp>

#include "actors/namenode_fixture.hpp"

namespace minidfs::actors::test {
namespace {

using std::chrono::seconds;

void want_copies(NamenodeFixture& namenode, const std::string& path, std::uint8_t copies) {
  metadata::SetReplication change;
  change.path = path;
  change.replication = copies;
  REQUIRE(namenode.ask<metadata::ChangeReply>(change).ok());
}

// Of a file of two copies that is to have one: the node that is ordered to remove its replica.
std::uint64_t node_that_is_to_remove(NamenodeFixture& namenode, const std::string& path) {
  want_copies(namenode, path, 1);
  namenode.advance(seconds(1));
  if (!namenode.beat(1).remove.empty()) return 1;
  REQUIRE(namenode.beat(2).remove.size() == 1);
  return 2;
}

}  // namespace

TEST_CASE("a replica that was to go stays when it has become the last one") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  const auto block = namenode.put("/a");
  const std::uint64_t goes = node_that_is_to_remove(namenode, "/a");
  // The order is lost with the node's connection, and the node that keeps its replica dies.
  for (int second = 0; second < 12; ++second) {
    namenode.advance(seconds(1));
    CHECK(namenode.beat(goes).remove.empty());
  }
  namenode.join(goes, {block});
  CHECK(namenode.beat(goes).remove.empty());
  CHECK(namenode.status().blocks_missing == 0);
}

TEST_CASE("a removal that was given up may still happen, and is nothing that others may go for") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  const auto block = namenode.put("/a");
  namenode.join(3, {block});
  want_copies(namenode, "/a", 1);
  namenode.advance(seconds(1));
  std::size_t ordered = 0;
  for (const std::uint64_t node : {1, 2, 3}) ordered += namenode.beat(node).remove.size();
  REQUIRE(ordered == 2);
  // Both nodes have their orders and will come to them. Two copies are wanted now, and one is left.
  want_copies(namenode, "/a", 2);
  for (int second = 0; second < 40; ++second) {
    namenode.advance(seconds(1));
    for (const std::uint64_t node : {1, 2, 3}) CHECK(namenode.beat(node).remove.empty());
  }
}

TEST_CASE("a replica that was to go is ordered removed again while another one stays") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  const auto block = namenode.put("/a");
  const std::uint64_t goes = node_that_is_to_remove(namenode, "/a");
  namenode.join(goes, {block});
  CHECK(namenode.beat(goes).remove.size() == 1);
}

}  // namespace minidfs::actors::test
