// Files that grow, from the request to the block map.
#include <algorithm>
#include <catch2/catch.hpp>

#include "actors/namenode_fixture.hpp"

namespace minidfs::actors::test {
namespace {

using metadata::Block;
using metadata::ChangeReply;

// A writer that appends what it is granted.
class Appender {
 public:
  Appender(NamenodeFixture& namenode, std::string path)
      : namenode_(namenode), path_(std::move(path)) {}

  // One more block of `length` bytes, stored wherever it shall be.
  AppendWrite next(std::uint64_t length) {
    AllocateBlocks allocation;
    allocation.client = kClient;
    allocation.session = session_;
    allocation.block_size = 1000;
    allocation.replication = 2;
    const auto grant = namenode_.ask<WriteGrant>(allocation);
    REQUIRE(grant.ok());
    session_ = grant->session;
    const auto& pipeline = grant->pipelines.at(0);
    AppendWrite request;
    request.client = kClient;
    request.session = session_;
    auto& change = request.change;
    change.request = {ClientId{0, 5}, ++sequence_, sequence_};
    const auto status = namenode_.ask<metadata::FileStatus>(StatRequest{path_});
    REQUIRE(status.ok());
    change.path = path_;
    change.file = status->id;
    change.length = status->length;
    change.blocks = {{pipeline.blocks.at(0), 1, length}};
    auto& written = request.written.emplace_back();
    written.block = pipeline.blocks.at(0);
    for (const auto& target : pipeline.targets) written.nodes.push_back(target.node);
    return request;
  }

 private:
  NamenodeFixture& namenode_;
  const std::string path_;
  std::uint64_t session_ = 0;
  std::uint64_t sequence_ = 0;
};

// The answer of the namespace's rules, and the namenode's when it does not ask them.
Errc code_of(const Result<ChangeReply>& reply) {
  if (!reply.ok()) return reply.error().code;
  UNSCOPED_INFO(reply->outcomes.at(0).message);
  return static_cast<Errc>(reply->outcomes.at(0).code);
}
constexpr auto kDone = static_cast<Errc>(0);

LocatedFile located(NamenodeFixture& namenode, const std::string& path, std::uint64_t offset = 0) {
  auto file = namenode.ask<LocatedFile>(LocateRequest{path, "", offset});
  REQUIRE(file.ok());
  return *std::move(file);
}

TEST_CASE("what was appended can be read at once, behind a block that is not full") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  const auto first = namenode.put("/f");
  Appender appender(namenode, "/f");
  CHECK(code_of(namenode.ask<ChangeReply>(appender.next(7))) == kDone);
  CHECK(code_of(namenode.ask<ChangeReply>(appender.next(9))) == kDone);
  const auto file = located(namenode, "/f");
  REQUIRE(file.blocks.size() == 3);
  CHECK(file.status.length == first.length + 16);
  for (const auto& block : file.blocks) CHECK(block.locations.size() == 2);
  CHECK(file.blocks[2].offset == first.length + 7);
  const auto rest = located(namenode, "/f", first.length + 6);
  REQUIRE(rest.blocks.size() == 2);
  CHECK(rest.blocks[0].offset == first.length);
  CHECK(namenode.status().blocks_total == 3);

  // What no file owns any more is removed as of any other file.
  REQUIRE(namenode.ask<ChangeReply>(metadata::Remove{{}, 0, "/f", false}).ok());
  namenode.advance(std::chrono::seconds(1));
  CHECK(namenode.beat(1).remove.size() == 3);
}

TEST_CASE("an append that was refused as stale may be asked for again with the same blocks") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  namenode.put("/f");
  Appender one(namenode, "/f");
  Appender two(namenode, "/f");
  const auto quick = one.next(7);
  auto slow = two.next(9);
  slow.change.request.client = ClientId{0, 6};
  CHECK(code_of(namenode.ask<ChangeReply>(quick)) == kDone);
  const auto refused = namenode.ask<ChangeReply>(slow);
  CHECK(code_of(refused) == Errc::kStale);
  slow.change.length = refused->outcomes[0].value;
  ++slow.change.request.sequence;
  CHECK(code_of(namenode.ask<ChangeReply>(slow)) == kDone);
  const auto file = located(namenode, "/f");
  CHECK(file.blocks.at(2).block == slow.change.blocks[0]);
  CHECK(file.blocks.at(2).locations.size() == 2);
  // And asked once more it is not done again.
  CHECK(code_of(namenode.ask<ChangeReply>(slow)) == kDone);
  CHECK(located(namenode, "/f").blocks.size() == 3);
}

TEST_CASE("a namenode that has just begun to lead appends what its datanodes have reported") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  const auto first = namenode.put("/f");
  Appender appender(namenode, "/f");
  const auto request = appender.next(7);
  namenode.restart();
  std::vector<Block> replicas{first, request.change.blocks[0]};
  std::sort(replicas.begin(), replicas.end(),
            [](const Block& a, const Block& b) { return a.id < b.id; });
  namenode.join(1, replicas);
  namenode.join(2, replicas);
  namenode.advance(std::chrono::seconds(1));
  CHECK(code_of(namenode.ask<ChangeReply>(request)) == kDone);
  CHECK(located(namenode, "/f").blocks.size() == 2);
}

TEST_CASE("what version 2 has added is proposed only when all members know it") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  namenode.put("/f");
  namenode.put("/g");
  Appender appender(namenode, "/f");
  const auto request = appender.next(7);
  metadata::SetOwner owner{{ClientId{0, 9}, 1, 0}, 0, {{"/f", "ann", ""}}};
  metadata::ConcatFiles concat{{ClientId{0, 9}, 2, 0}, 0, "/f", {"/g"}};
  metadata::RenameExactly rename{{ClientId{0, 9}, 3, 0}, 0, "/f", "/h", true};
  AppendWrite nothing;
  nothing.change.path = "/f";
  nothing.change.file = request.change.file;
  nothing.change.length = request.change.length;

  namenode.log().set_known_by_all(1);
  const auto before = namenode.log().proposed();
  CHECK(code_of(namenode.ask<ChangeReply>(request)) == Errc::kUnsupported);
  CHECK(code_of(namenode.ask<ChangeReply>(nothing)) == Errc::kUnsupported);
  CHECK(code_of(namenode.ask<ChangeReply>(owner)) == Errc::kUnsupported);
  CHECK(code_of(namenode.ask<ChangeReply>(concat)) == Errc::kUnsupported);
  CHECK(code_of(namenode.ask<ChangeReply>(rename)) == Errc::kUnsupported);
  CHECK(namenode.log().proposed() == before);

  namenode.log().set_known_by_all(2);
  CHECK(code_of(namenode.ask<ChangeReply>(request)) == kDone);
  CHECK(code_of(namenode.ask<ChangeReply>(owner)) == kDone);
  CHECK(code_of(namenode.ask<ChangeReply>(concat)) == kDone);
  CHECK(located(namenode, "/f").blocks.size() == 3);
  CHECK(code_of(namenode.ask<ChangeReply>(rename)) == kDone);
  CHECK(located(namenode, "/h").blocks.size() == 3);
  // What was done is answered as then, whoever has come meanwhile.
  namenode.log().set_known_by_all(1);
  CHECK(code_of(namenode.ask<ChangeReply>(request)) == kDone);
  CHECK(code_of(namenode.ask<ChangeReply>(owner)) == kDone);
  CHECK(code_of(namenode.ask<ChangeReply>(concat)) == kDone);
  CHECK(code_of(namenode.ask<ChangeReply>(rename)) == kDone);
}

}  // namespace
}  // namespace minidfs::actors::test
