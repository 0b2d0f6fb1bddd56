// Pipelines that are asked for while nodes fail.
#include "client/write/write_session.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <utility>

#include "unit/client/fake_cluster.hpp"

namespace minidfs::client {
namespace {

TEST_CASE("A node that fails while the namenode is asked for pipelines is in none of them") {
  FakeCluster cluster(4);
  Options options;
  options.namenodes = {cluster.namenode->address()};
  ClientContext context(options);
  WriteSession session(context);
  const auto failing = cluster.names->nodes[1];
  cluster.names->failure = [&, failed = false](const std::string& kind) mutable {
    if (kind == "allocate" && !std::exchange(failed, true)) session.note_lost(failing, true);
    return std::optional<Error>();
  };
  const auto check = [&](const Result<Pipeline>& pipeline) {
    REQUIRE(pipeline.ok());
    CHECK(pipeline->targets.size() == 3);
    for (const auto& target : pipeline->targets) CHECK(target.node != failing.node);
  };
  const PipelineDemand demand{{}, 1, 100, 3};
  SECTION("ahead") {
    session.expect_pipelines(demand, 6, 3);
    for (int i = 0; i < 6; ++i) check(session.next_pipeline());
  }
  SECTION("now") { check(session.request_pipeline(demand)); }
  const std::lock_guard lock(cluster.names->mutex);
  CHECK(cluster.names->requests["allocate"] > 1);
  cluster.names->failure = nullptr;
}

}  // namespace
}  // namespace minidfs::client
