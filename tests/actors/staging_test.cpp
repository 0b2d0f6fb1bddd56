// Files of more blocks than one commit holds: staged part by part, through restarts, up to a
// million blocks.
#include <algorithm>
#include <catch2/catch.hpp>

#include "actors/namenode_fixture.hpp"
#include "metadata/namespace_staging.hpp"

namespace minidfs::actors::test {
namespace {

using metadata::Block;
using std::chrono::seconds;

constexpr std::uint64_t kBlockSize = 1000;

// A writer that stages what it is granted, as the client does.
class Writer {
 public:
  // `number` tells its requests from those of others.
  Writer(NamenodeFixture& namenode, std::uint32_t part_blocks, std::uint64_t number = 5)
      : namenode_(namenode), part_blocks_(part_blocks), number_(number) {}

  // Gets the blocks of one part and says that they are stored.
  Result<metadata::ChangeReply> stage() {
    MDFS_TRY(auto request, next_part());
    return stage(std::move(request));
  }
  Result<StageWrite> next_part() {
    AllocateBlocks allocation;
    allocation.client = kClient;
    allocation.session = session_;
    allocation.blocks_per_pipeline = part_blocks_;
    allocation.block_size = kBlockSize;
    allocation.replication = 1;
    MDFS_TRY(const auto grant, namenode_.ask<WriteGrant>(allocation));
    session_ = grant.session;
    const auto& pipeline = grant.pipelines.at(0);
    StageWrite request;
    request.change = {
        {{0, number_}, ++sequence_, sequence_}, 0, kClient, session_, staged_, kBlockSize, 1, 1,
        {{pipeline.blocks.at(0), part_blocks_}}};
    CHECK(pipeline.blocks.back().value - pipeline.blocks[0].value == part_blocks_ - 1);
    for (const auto id : pipeline.blocks) {
      request.written.push_back({id, {pipeline.targets.at(0).node}});
      blocks.push_back({id, 1, kBlockSize});
    }
    return request;
  }
  Result<metadata::ChangeReply> stage(StageWrite request) {
    auto reply = namenode_.ask<metadata::ChangeReply>(std::move(request));
    if (reply.ok() && reply->outcomes.at(0).ok()) staged_ = reply->outcomes[0].value;
    return reply;
  }
  Result<metadata::ChangeReply> commit(const std::string& path,
                                       std::vector<metadata::FileTimes> times = {}) {
    CommitWrite commit;
    commit.times = std::move(times);
    commit.client = kClient;
    commit.session = session_;
    commit.staged = staged_;
    commit.change.request = {{0, number_}, ++sequence_, sequence_};
    auto& file = commit.change.files.emplace_back();
    file.path = path;
    file.block_size = kBlockSize;
    file.replication = 1;
    file.compression = "none";
    return namenode_.ask<metadata::ChangeReply>(commit);
  }

  // The blocks as a datanode reports them, in order of id.
  std::vector<Block> replicas() const {
    auto sorted = blocks;
    std::sort(sorted.begin(), sorted.end(),
              [](const Block& a, const Block& b) { return a.id < b.id; });
    return sorted;
  }
  std::uint64_t session() const { return session_; }
  std::uint64_t staged() const { return staged_; }
  std::vector<Block> blocks;  // All that were granted, in order.

 private:
  NamenodeFixture& namenode_;
  std::uint32_t part_blocks_;
  std::uint64_t number_;
  std::uint64_t session_ = 0;
  std::uint64_t staged_ = 0;
  std::uint64_t sequence_ = 0;
};

bool done(const Result<metadata::ChangeReply>& reply) {
  if (!reply.ok()) UNSCOPED_INFO(reply.error().message);
  if (reply.ok()) UNSCOPED_INFO(reply->outcomes.at(0).message);
  return reply.ok() && reply->outcomes.at(0).ok();
}

// All blocks of a file, page by page; each has a place.
std::vector<Block> located(NamenodeFixture& namenode, const std::string& path) {
  std::vector<Block> blocks;
  std::size_t wrong = 0;
  for (std::uint64_t offset = 0;;) {
    const auto page = namenode.ask<LocatedFile>(LocateRequest{path, "", offset});
    REQUIRE(page.ok());
    REQUIRE(page->blocks.size() <= 4096);
    for (const auto& block : page->blocks) {
      wrong += block.offset != offset || block.locations.empty() ? 1 : 0;
      offset += block.block.length;
      blocks.push_back(block.block);
    }
    CHECK(wrong == 0);
    if (!page->more) return blocks;
  }
}

// The copies of all blocks of a file, page by page.
CopiesReply counted(NamenodeFixture& namenode, const std::string& path, std::uint64_t page_max) {
  CopiesReply sum;
  CopiesRequest request{path, 0};
  do {
    const auto page = namenode.ask<CopiesReply>(request);
    REQUIRE(page.ok());
    REQUIRE(page->blocks <= page_max);
    sum.blocks += page->blocks;
    sum.lacking += page->lacking;
    sum.surplus += page->surplus;
    request.offset = page->next;
  } while (request.offset != 0);
  return sum;
}

metadata::IncrementalReport stored(std::vector<Block> blocks) {
  metadata::IncrementalReport report;
  report.added = std::move(blocks);
  return report;
}

// Lets time pass with a datanode that beats; returns how many replicas it was told to remove.
std::size_t pass(NamenodeFixture& namenode, int count) {
  std::size_t removed = 0;
  for (int second = 0; second < count; ++second) {
    namenode.advance(seconds(1));
    metadata::IncrementalReport gone;
    for (const auto& order : namenode.beat(1).remove) {
      gone.removed.push_back({order.block, order.generation, kBlockSize});
    }
    removed += gone.removed.size();
    if (!gone.removed.empty()) namenode.beat(1, gone);
  }
  return removed;
}

}  // namespace

TEST_CASE("a file is seen with times of its own at once, whether it is staged, short or empty") {
  NamenodeFixture namenode;
  namenode.join(1);
  Writer writer(namenode, 100);
  REQUIRE(done(writer.stage()));
  CHECK(writer.commit("/staged", {{1, 2}, {3, 4}}).error().code == Errc::kInvalidArgument);
  REQUIRE(done(writer.commit("/staged", {{1, 2}})));
  Writer empty(namenode, 1, 6);
  REQUIRE(done(empty.commit("/empty", {{3, metadata::kKeepTime}})));
  Writer short_file(namenode, 1, 7);
  const auto part = short_file.next_part();
  REQUIRE(part.ok());
  CommitWrite commit;
  commit.client = kClient;
  commit.session = short_file.session();
  auto& file = commit.change.files.emplace_back();
  file.path = "/short";
  file.block_size = kBlockSize;
  file.replication = 1;
  file.blocks = short_file.blocks;
  commit.written = part->written;
  commit.times = {{5, 6}};
  REQUIRE(done(namenode.ask<metadata::ChangeReply>(commit)));
  const auto modified = [&](const std::string& path) {
    const auto status = namenode.ask<metadata::FileStatus>(StatRequest{path});
    REQUIRE(status.ok());
    return status->modified_ms;
  };
  CHECK(modified("/staged") == 1);
  CHECK(modified("/empty") == 3);
  CHECK(modified("/short") == 5);
  CHECK(located(namenode, "/staged").size() == 100);
  CHECK(located(namenode, "/short").size() == 1);
}

TEST_CASE("a file of several parts is seen with its commit, and every block of it is found") {
  NamenodeFixture namenode;
  namenode.join(1);
  Writer writer(namenode, 100);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(done(writer.stage()));
    CHECK_FALSE(namenode.ask<metadata::FileStatus>(StatRequest{"/f"}).ok());
  }
  CHECK(namenode.status().files == 0);
  REQUIRE(done(writer.commit("/f")));
  CHECK(located(namenode, "/f") == writer.blocks);
  const auto status = namenode.status();
  CHECK(status.files == 1);
  CHECK(status.blocks_total == 300);
  CHECK(status.blocks_missing == 0);
  // Nothing of it is collected when the session ends.
  REQUIRE(namenode.ask<Accepted>(EndSession{kClient, writer.session(), {}}).ok());
  CHECK(pass(namenode, 3) == 0);
  CHECK(namenode.status().blocks_total == 300);
}

TEST_CASE("what is staged falls with its session, by its end or by silence") {
  NamenodeFixture namenode(NamenodeFixture::short_grace());
  namenode.join(1);
  Writer writer(namenode, 100);
  for (int i = 0; i < 3; ++i) REQUIRE(done(writer.stage()));
  namenode.beat(1, stored(writer.replicas()));
  CHECK(namenode.status().blocks_total == 300);
  if (GENERATE(true, false)) {
    REQUIRE(namenode.ask<Accepted>(EndSession{kClient, writer.session(), {}}).ok());
  }
  CHECK(pass(namenode, 15) == 300);
  CHECK(namenode.status().blocks_total == 0);
  CHECK(namenode.status().nodes.at(0).blocks == 0);
  CHECK_FALSE(done(writer.commit("/f")));
  CHECK_FALSE(namenode.ask<metadata::FileStatus>(StatRequest{"/f"}).ok());
}

TEST_CASE("nobody else ends a session with what is staged in it") {
  NamenodeFixture namenode(NamenodeFixture::short_grace());
  namenode.join(1);
  Writer writer(namenode, 10);
  REQUIRE(done(writer.stage()));
  if (GENERATE(true, false)) {
    namenode.restart();
    namenode.join(1, writer.replicas());
  }
  CHECK_FALSE(namenode.ask<Accepted>(EndSession{{9, 9}, writer.session(), {}}).ok());
  pass(namenode, 2);
  CHECK(done(writer.commit("/f")));
}

TEST_CASE("a namenode that starts between two parts goes on with the writer") {
  NamenodeFixture namenode(NamenodeFixture::short_grace());
  namenode.join(1);
  Writer writer(namenode, 100);
  for (int i = 0; i < 4; ++i) {
    REQUIRE(done(writer.stage()));
    namenode.restart();
    namenode.join(1, writer.replicas());
    pass(namenode, 3);
    REQUIRE(namenode.ask<Accepted>(RenewSession{kClient, writer.session(), {}}).ok());
    pass(namenode, 3);
  }
  REQUIRE(done(writer.commit("/f")));
  CHECK(located(namenode, "/f") == writer.blocks);
}

TEST_CASE("a part that is asked for again is staged once, also after a restart") {
  NamenodeFixture namenode;
  namenode.join(1);
  Writer writer(namenode, 100);
  const auto part = writer.next_part();
  REQUIRE(part.ok());
  REQUIRE(done(writer.stage(*part)));
  if (GENERATE(true, false)) {
    namenode.restart();
    namenode.join(1, writer.replicas());
    namenode.advance(seconds(1));
  }
  REQUIRE(done(writer.stage(*part)));
  CHECK(writer.staged() == 100);
  CHECK(namenode.status().blocks_total == 100);
}

TEST_CASE("what was staged before a restart is collected when its writer does not come back") {
  NamenodeFixture namenode(NamenodeFixture::short_grace());
  namenode.join(1);
  Writer writer(namenode, 100);
  for (int i = 0; i < 3; ++i) REQUIRE(done(writer.stage()));
  namenode.restart();
  namenode.join(1, writer.replicas());
  CHECK(pass(namenode, 4) == 0);
  CHECK(pass(namenode, 12) == 300);
  CHECK(namenode.status().blocks_total == 0);
  // Its blocks are nobody's for ever.
  CHECK_FALSE(done(writer.commit("/f")));
}

TEST_CASE("a part that was applied after its session had ended is collected") {
  NamenodeFixture namenode(NamenodeFixture::short_grace());
  namenode.join(1);
  Writer writer(namenode, 100);
  const auto part = writer.next_part();
  REQUIRE(part.ok());
  auto staging = namenode.begin<metadata::ChangeReply>(*part, false);
  auto end = namenode.begin<Accepted>(EndSession{kClient, writer.session(), {}}, false);
  namenode.settle();
  (void)namenode.end<metadata::ChangeReply>(staging);
  (void)namenode.end<Accepted>(end);
  pass(namenode, 10);
  CHECK(namenode.status().blocks_total == 0);
}

TEST_CASE("a file of a million blocks is written and read, each message and entry within bounds") {
  constexpr std::uint64_t kBlocks = 1'000'000;
  constexpr std::uint32_t kPart = 4096;
  NamenodeFixture namenode;
  namenode.join(1);
  Writer writer(namenode, kPart);
  while (writer.staged() < kBlocks) {
    REQUIRE(done(writer.stage()));
    if (writer.staged() == 100 * kPart) {
      namenode.restart();
      namenode.join(1, writer.replicas());
      namenode.advance(seconds(1));
    }
  }
  CHECK(namenode.log().largest_bytes() <= 512 << 10);
  REQUIRE(done(writer.commit("/f")));
  CHECK(namenode.log().largest_bytes() <= 512 << 10);
  const auto status = namenode.ask<metadata::FileStatus>(StatRequest{"/f"});
  REQUIRE(status.ok());
  CHECK(status->length == writer.staged() * kBlockSize);
  CHECK(located(namenode, "/f") == writer.blocks);
  CHECK(namenode.status().blocks_missing == 0);
  CHECK(namenode.ask<CheckBlocksReply>(CheckBlocksRequest{})->problems.empty());

  // So is every step of a change of its copies, and the count of them.
  CHECK(counted(namenode, "/f", 4096).lacking == 0);
  metadata::SetReplication change;
  change.request = {{0, 6}, 1, 1};
  change.path = "/f";
  change.replication = 2;
  REQUIRE(namenode.ask<metadata::ChangeReply>(change)->outcomes.at(0).ok());
  const auto copies = counted(namenode, "/f", 4096);
  CHECK(copies.blocks == writer.staged());
  CHECK(copies.lacking == writer.staged());
  CHECK(namenode.status().blocks_under_replicated == writer.staged());
  CHECK(namenode.most_effects() <= 4096);
  CHECK(namenode.log().largest_bytes() <= 512 << 10);
}

TEST_CASE("the effects of many changes at once reach the block actor in pieces, and all of them") {
  NamenodeFixture namenode;
  namenode.join(1);
  Writer writer(namenode, 4096);
  auto first = writer.next_part();
  auto second = writer.next_part();
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  second->change.position = 4096;
  // Both are in one batch of the log.
  auto begun = namenode.begin<metadata::ChangeReply>(*first, false);
  auto more = namenode.begin<metadata::ChangeReply>(*second, false);
  namenode.settle();
  CHECK(done(namenode.end<metadata::ChangeReply>(begun)));
  CHECK(done(namenode.end<metadata::ChangeReply>(more)));
  CHECK(namenode.status().blocks_total == 8192);
  CHECK(namenode.status().blocks_missing == 0);
  CHECK(namenode.most_effects() <= 4096);
}

}  // namespace minidfs::actors::test
