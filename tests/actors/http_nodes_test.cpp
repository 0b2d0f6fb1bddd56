// Where datanodes serve HTTP, and clients that are part of a datanode, as a namenode sees them.
#include <catch2/catch.hpp>

#include "actors/namenode_fixture.hpp"

namespace minidfs::actors::test {
namespace {

AnnounceHttp http_of(const NamenodeFixture& namenode, std::uint64_t number) {
  AnnounceHttp request;
  request.node = namenode.node(number).node;
  request.incarnation = namenode.node(number).incarnation;
  request.http = {"10.0.0." + std::to_string(number), 9864};
  return request;
}

std::vector<HttpNode> listed(NamenodeFixture& namenode) {
  const auto reply = namenode.ask<HttpNodesReply>(HttpNodesRequest{});
  REQUIRE(reply.ok());
  return reply->nodes;
}

}  // namespace

TEST_CASE("clients are told of live datanodes where they serve HTTP") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  CHECK(listed(namenode).empty());
  auto request = http_of(namenode, 2);
  request.on_loopback = true;
  request.access = HttpAccess::kEverybody;
  REQUIRE(namenode.ask<Accepted>(request).ok());
  const auto nodes = listed(namenode);
  REQUIRE(nodes.size() == 1);
  CHECK(nodes[0].node == namenode.node(2).node);
  CHECK(nodes[0].host == "host2");
  CHECK(nodes[0].data == namenode.node(2).data);
  CHECK(nodes[0].http == metadata::Endpoint{"10.0.0.2", 9864});
  CHECK(nodes[0].on_loopback);
  CHECK(nodes[0].access == HttpAccess::kEverybody);
  CHECK(namenode.lanes().beats->waiting() == 0);
}

TEST_CASE("where a datanode serves HTTP is forgotten when it registers again, or dies") {
  NamenodeFixture namenode;
  namenode.join(1);
  REQUIRE(namenode.ask<Accepted>(http_of(namenode, 1)).ok());
  REQUIRE(listed(namenode).size() == 1);
  namenode.join(1);
  CHECK(listed(namenode).empty());
  REQUIRE(namenode.ask<Accepted>(http_of(namenode, 1)).ok());
  namenode.advance(std::chrono::seconds(4));  // Stale: nobody is sent there.
  CHECK(listed(namenode).empty());
  namenode.beat(1);
  CHECK(listed(namenode).size() == 1);
  namenode.advance(std::chrono::seconds(11));
  namenode.join(1);
  CHECK(listed(namenode).empty());
}

TEST_CASE("HTTP is announced by registered datanodes alone, with an address") {
  NamenodeFixture namenode;
  namenode.join(1);
  const auto fails = [&](const AnnounceHttp& request, Errc code) {
    const auto answer = namenode.ask<Accepted>(request);
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().code == code);
  };
  fails(http_of(namenode, 2), Errc::kNotFound);
  auto other = http_of(namenode, 1);
  ++other.incarnation;
  fails(other, Errc::kNotFound);
  auto nowhere = http_of(namenode, 1);
  nowhere.http.port = 0;
  fails(nowhere, Errc::kInvalidArgument);
  namenode.take_senders_for_clients(true);
  fails(http_of(namenode, 1), Errc::kPermissionDenied);
  CHECK(namenode.lanes().beats->waiting() == 0);
  CHECK(listed(namenode).empty());
}

TEST_CASE("a client that is part of a datanode writes and reads there first") {
  NamenodeFixture namenode;
  for (std::uint64_t number = 1; number <= 4; ++number) namenode.join(number);
  for (std::uint64_t number = 1; number <= 4; ++number) {
    AllocateBlocks request;
    request.client = {3, 4};
    request.block_size = 1000;
    request.replication = 2;
    request.writer_host = to_string(namenode.node(number).node);
    const auto grant = namenode.ask<WriteGrant>(request);
    REQUIRE(grant.ok());
    CHECK(grant->pipelines.at(0).targets.at(0).node == namenode.node(number).node);
  }
  namenode.put("/f");
  const auto found = namenode.ask<LocatedFile>(LocateRequest{"/f", "", 0});
  REQUIRE(found.ok());
  for (const auto& holder : found->blocks.at(0).locations) {
    const auto near = namenode.ask<LocatedFile>(LocateRequest{"/f", to_string(holder.node), 0});
    REQUIRE(near.ok());
    CHECK(near->blocks.at(0).locations.at(0).node == holder.node);
  }
}

}  // namespace minidfs::actors::test
