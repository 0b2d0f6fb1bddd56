#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fake_file_system.hpp"

namespace minidfs::cli {
namespace {

using test::FakeState;
using test::run;

FakeState three() {
  FakeState state;
  state.quorum = {0x1f,
                  7,
                  61'000,
                  {{0x1f, "h1:8020", true, "leader", 0, 100, 0},
                   {0x2f, "h2:8020", true, "follower", 0, 98, 2},
                   {0x3f, "h3:8020", true, "unreachable", 0, 50, 50}}};
  return state;
}

client::NamenodeDigest digest(std::uint64_t id, Checksum sum, const std::string& problem = {}) {
  return {{id, "h:1", true, "follower", 0, 0, 0}, 9, sum, problem};
}

TEST_CASE("quorum shows who leads, how far the others are and what may fail") {
  auto state = three();
  for (const auto& words : {std::vector<std::string>{"quorum"}, {"quorum", "list"}}) {
    const auto shown = run(state, words);
    CHECK(shown.exit_code == 0);
    CHECK_THAT(shown.out,
               Catch::Contains("h1:8020 leads for 1:01, term 7; 3 voters, none may fail"));
    CHECK_THAT(shown.out, Catch::Contains("000000000000002f  h2:8020"));
  }
  state.quorum.members[2].state = "follower";
  CHECK_THAT(run(state, {"quorum"}).out, Catch::Contains("3 voters, 1 may fail"));
}

TEST_CASE("quorum shows what is known when nobody leads, and fails") {
  auto state = three();
  state.quorum.leader = 0;
  state.quorum.members[0].state = "unreachable";
  const auto shown = run(state, {"quorum"});
  CHECK(shown.exit_code == 3);
  CHECK_THAT(shown.out, Catch::Contains("nobody leads; 3 voters, none may fail") &&
                            Catch::Contains("000000000000002f  h2:8020"));
  CHECK(shown.err ==
        "minidfs: quorum: no namenode leads: 1 of 3 voters can be reached, and it takes 2\n");
  const auto json = run(state, {"quorum", "--json"});
  CHECK(json.exit_code == 3);
  CHECK(nlohmann::json::parse(json.out).at("leader").is_null());
  CHECK(nlohmann::json::parse(json.out).at("members").size() == 3);
}

TEST_CASE("quorum --json is the same with and without list") {
  auto state = three();
  const auto shown = run(state, {"quorum", "--json"});
  REQUIRE(shown.exit_code == 0);
  CHECK(run(state, {"quorum", "list", "--json"}).out == shown.out);
  const auto json = nlohmann::json::parse(shown.out);
  CHECK(json.at("leader") == "000000000000001f");
  CHECK(json.at("term") == 7);
  const auto& second = json.at("members").at(1);
  CHECK(second.at("id") == "000000000000002f");
  CHECK(second.at("address") == "h2:8020");
  CHECK(second.at("role") == "voter");
  CHECK(second.at("state") == "follower");
  CHECK(second.at("applied") == 98);
  CHECK(second.at("lag") == 2);
}

TEST_CASE("status shows the namenodes") {
  auto state = three();
  CHECK_THAT(run(state, {"status"}).out, !Catch::Contains("namenodes:"));
  state.status.quorum = state.quorum;
  CHECK_THAT(run(state, {"status"}).out,
             Catch::Contains("namenodes:  3, h1:8020 leads for 1:01, term 7"));
  const auto json = nlohmann::json::parse(run(state, {"status", "--json"}).out);
  CHECK(json.at("quorum").at("members").size() == 3);
}

TEST_CASE("quorum transfer and remove take ids as list shows them") {
  auto state = three();
  CHECK(run(state, {"quorum", "transfer", "000000000000002f"}).exit_code == 0);
  CHECK(run(state, {"quorum", "transfer"}).exit_code == 0);
  CHECK(run(state, {"quorum", "remove", "000000000000003f"}).exit_code == 0);
  CHECK(state.calls == std::vector<std::string>{"transfer 47", "transfer 0", "remove namenode 63"});
  CHECK(run(state, {"quorum", "remove"}).exit_code == 2);
  CHECK(run(state, {"quorum", "remove", "3f"}).exit_code == 2);
  CHECK(run(state, {"quorum", "transfer", "h2:8020"}).exit_code == 2);
  CHECK(run(state, {"quorum", "list", "3f"}).exit_code == 2);
  CHECK(run(state, {"quorum", "--json", "transfer"}).exit_code == 2);
}

TEST_CASE("quorum verify fails when the namenodes differ, and when one cannot tell") {
  auto state = three();
  state.digests = {digest(1, 0xabc), digest(2, 0xabc)};
  auto shown = run(state, {"quorum", "verify"});
  CHECK(shown.exit_code == 0);
  CHECK_THAT(shown.out, Catch::Contains("0000000000000abc at change 9") &&
                            Catch::Contains("all hold the same"));
  state.digests.push_back(digest(3, 0xabd));
  shown = run(state, {"quorum", "verify", "--json"});
  CHECK(shown.exit_code == 1);
  CHECK(nlohmann::json::parse(shown.out).at("same") == false);
  state.digests.back() = digest(3, 0, "no answer");
  shown = run(state, {"quorum", "verify", "--json"});
  CHECK(shown.exit_code == 3);
  CHECK(nlohmann::json::parse(shown.out).at("same").is_null());
}

}  // namespace
}  // namespace minidfs::cli
