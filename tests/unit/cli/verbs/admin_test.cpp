// The verbs for operators: fsck, node, balance, safemode, setrep; and the table of racks.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/roles/rack_table.hpp"
#include "cli/verbs/node_names.hpp"
#include "fake_file_system.hpp"

namespace minidfs::cli {
namespace {

using test::FakeState;
using test::run;

client::BlockProblem problem(const std::string& path, std::uint32_t readable,
                             std::uint32_t corrupt) {
  client::BlockProblem problem;
  problem.path = path;
  problem.block = BlockId{7};
  problem.wanted = 3;
  problem.readable = problem.live = readable;
  problem.corrupt = corrupt;
  return problem;
}

client::ClusterStatus two_nodes() {
  client::ClusterStatus status;
  status.nodes.resize(2);
  status.nodes[0].id = NodeId{1, 1};
  status.nodes[0].name = "one:9866";
  status.nodes[1].id = NodeId{2, 2};
  status.nodes[1].name = "two:9866";
  return status;
}

TEST_CASE(
    "fsck of a sound tree ends with 0, and blocks that are only short of copies are no damage") {
  FakeState state;
  state.files = {{"/a", "aaa"}};
  CHECK(run(state, {"fsck"}).exit_code == 0);
  state.problems = {problem("/a", 2, 0)};
  const auto outcome = run(state, {"fsck"});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Catch::Contains("/a: block 7") && Catch::Contains("2 of 3 copies") &&
                              Catch::Contains("/ is healthy"));
}

TEST_CASE("fsck ends with 1 when a block is missing or has a corrupt replica") {
  FakeState state;
  state.directories = {"/", "/d"};
  state.files = {{"/a", "aaa"}, {"/d/b", "b"}};
  state.problems = {problem("/a", 0, 0)};
  CHECK(run(state, {"fsck"}).exit_code == 1);
  CHECK_THAT(run(state, {"fsck"}).out, Catch::Contains("MISSING"));
  // Only what is below the path counts.
  CHECK(run(state, {"fsck", "/d"}).exit_code == 0);
  state.problems = {problem("/d/b", 2, 1)};
  CHECK(run(state, {"fsck", "/d"}).exit_code == 1);
  const auto json = nlohmann::json::parse(run(state, {"fsck", "--json", "/d"}).out);
  CHECK(json["healthy"] == false);
  CHECK(json["corrupt"] == 1);
  CHECK(json["files"] == 1);
  CHECK(json["problems"].size() == 1);
}

TEST_CASE("fsck says what it may call missing for want of reports alone") {
  FakeState state;
  state.directories = {"/"};
  state.files = {{"/a", "aaa"}};
  state.outstanding = "1 of 3 live datanodes have not reported yet";
  state.problems = {problem("/a", 0, 0)};
  const auto outcome = run(state, {"fsck"});
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.out, Catch::Contains("OUTSTANDING:      1 of 3 live datanodes") &&
                              Catch::Contains("/ is DAMAGED as far as is known yet\n"));
  CHECK(nlohmann::json::parse(run(state, {"fsck", "--json"}).out)["reports_outstanding"] == true);
  state.problems.clear();
  CHECK_THAT(run(state, {"fsck"}).out, Catch::Contains("/ is healthy as far as is known yet\n"));
  state.outstanding.clear();
  CHECK_THAT(run(state, {"fsck"}).out, Catch::Contains("/ is healthy\n"));
  CHECK(nlohmann::json::parse(run(state, {"fsck", "--json"}).out)["reports_outstanding"] == false);
}

TEST_CASE("fsck lists files, their blocks and where these are, as asked") {
  FakeState state;
  state.files = {{"/a", "aaa"}};
  CHECK_THAT(run(state, {"fsck", "--files"}).out, Catch::Contains("/a 3 bytes"));
  CHECK_THAT(run(state, {"fsck", "--files", "--blocks", "--locations"}).out,
             Catch::Contains("127.0.0.1:9866"));
  CHECK(run(state, {"fsck", "/none"}).exit_code == 1);
}

TEST_CASE("status names the namenode's directory when its disk does not answer") {
  FakeState state;
  state.status = two_nodes();
  state.status.directory = "/names";
  CHECK(run(state, {"status"}).out.find("/names") == std::string::npos);
  state.status.directory_silent_ms = 2'000;
  CHECK_THAT(run(state, {"status"}).out, Catch::Contains("the disk of /names is slow"));
  state.status.directory_silent_ms = 12'000;
  CHECK_THAT(run(state, {"status"}).out, Catch::Contains("the disk of /names HANGS"));
  const auto json = nlohmann::json::parse(run(state, {"status", "--json"}).out);
  CHECK(json["namenode"]["directory"] == "/names");
  CHECK(json["namenode"]["disk_silent_ms"] == 12'000);
}

TEST_CASE("status says whether strangers are let in") {
  FakeState state;
  CHECK_THAT(run(state, {"status"}).out, Catch::Contains("admission:  OPEN to all"));
  CHECK(nlohmann::json::parse(run(state, {"status", "--json"}).out)["admission"] == "open");
  state.status.asks_secret = true;
  CHECK_THAT(run(state, {"status"}).out, Catch::Contains("admission:  by the cluster's secret"));
  CHECK(nlohmann::json::parse(run(state, {"status", "--json"}).out)["admission"] == "secret");
}

TEST_CASE("status says where HTTP is served, and whom it lets in") {
  using Http = client::ClusterStatus::Http;
  FakeState state;
  state.status = two_nodes();
  CHECK_THAT(run(state, {"status"}).out, Catch::Contains("HTTP:       off\n"));
  auto json = nlohmann::json::parse(run(state, {"status", "--json"}).out);
  CHECK(json["http"] == "off");
  CHECK(json["nodes"][0]["http"].is_null());
  state.status.http = Http::kTokens;
  CHECK_THAT(run(state, {"status"}).out, Catch::Contains("HTTP:       by tokens\n"));
  state.status.http = Http::kEverybody;
  state.status.nodes[0].http = {"far", 9864};
  const auto text = run(state, {"status"}).out;
  CHECK_THAT(text, Catch::Contains("HTTP:       OPEN to all who reach the ports\n"));
  CHECK_THAT(text, Catch::Contains(", HTTP at far:9864"));
  json = nlohmann::json::parse(run(state, {"status", "--json"}).out);
  CHECK(json["http"] == "open");
  CHECK(json["nodes"][0]["http"] == "far:9864");
}

TEST_CASE("a datanode is named by its address, its id, or its host where that is enough") {
  auto status = two_nodes();
  CHECK(find_node(status, "two:9866")->id == NodeId{2, 2});
  CHECK(find_node(status, to_string(NodeId{1, 1}))->name == "one:9866");
  CHECK(find_node(status, "one")->id == NodeId{1, 1});
  CHECK(find_node(status, "three").error().code == Errc::kNotFound);
  status.nodes[1].name = "one:9867";
  CHECK(find_node(status, "one").error().code == Errc::kInvalidArgument);
}

TEST_CASE("of several datanodes that have had a name the one that is not dead is meant") {
  auto status = two_nodes();
  status.nodes[1].name = "one:9866";
  const auto ambiguous = find_node(status, "one:9866");
  REQUIRE_FALSE(ambiguous.ok());
  CHECK_THAT(ambiguous.error().message,
             Catch::Contains(to_string(NodeId{1, 1})) && Catch::Contains(to_string(NodeId{2, 2})));
  status.nodes[0].state = "dead";
  status.nodes[1].state = "stale";
  CHECK(find_node(status, "one:9866")->id == NodeId{2, 2});
  CHECK(find_node(status, "one")->id == NodeId{2, 2});
  CHECK(find_node(status, to_string(NodeId{1, 1}))->id == NodeId{1, 1});
  status.nodes[1].state = "dead";
  CHECK(find_node(status, "one:9866").error().code == Errc::kInvalidArgument);
}

TEST_CASE("an IPv6 address names a datanode with and without brackets") {
  auto status = two_nodes();
  status.nodes[0].name = "[::1]:9866";
  for (const char* name : {"::1", "[::1]", "[::1]:9866"}) {
    CHECK(find_node(status, name)->id == NodeId{1, 1});
  }
  CHECK_FALSE(find_node(status, "::2").ok());
  CHECK_FALSE(find_node(status, "").ok());
}

TEST_CASE("each of several datanodes is decided about, and those that are none are named") {
  FakeState state;
  state.status = two_nodes();
  const auto outcome = run(state, {"node", "decommission", "nine", "two"});
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.err, Catch::Contains("nine: no such datanode"));
  REQUIRE(state.decisions.size() == 1);
  CHECK(state.decisions[0].node == NodeId{2, 2});
}

TEST_CASE("node tells what was decided, with the end of maintenance") {
  FakeState state;
  state.status = two_nodes();
  REQUIRE(run(state, {"node", "decommission", "one", "two"}).exit_code == 0);
  REQUIRE(state.decisions.size() == 2);
  CHECK(state.decisions[0].action == metadata::NodeAction::kDecommission);
  CHECK(state.decisions[1].node == NodeId{2, 2});
  REQUIRE(run(state, {"node", "maintenance", "--for", "2h", "one"}).exit_code == 0);
  // How long, not until when: the namenode's clock counts.
  CHECK(state.decisions[2].maintenance == std::chrono::hours(2));
  REQUIRE(run(state, {"node", "recommission", "one"}).exit_code == 0);
  CHECK(state.decisions[3].action == metadata::NodeAction::kRecommission);

  CHECK_THAT(run(state, {"node", "remove", "one"}).err, Catch::Contains("'remove'"));
  CHECK_THAT(run(state, {"node", "decommission", "--for", "1h", "one"}).err,
             Catch::Contains("--for"));
  CHECK(run(state, {"node", "forget", "--wait", "one"}).exit_code == 2);
  CHECK_THAT(run(state, {"node", "decommission", "nine"}).err, Catch::Contains("one:9866"));
  CHECK(state.decisions.size() == 4);
}

TEST_CASE(
    "node forget means the dead one of a name, and one that was only decided about by its id") {
  FakeState state;
  state.status = two_nodes();
  state.status.nodes[1].name = "one:9866";
  state.status.nodes[0].state = "dead";
  state.status.nodes[1].state = "live";
  REQUIRE(run(state, {"node", "forget", "one"}).exit_code == 0);
  CHECK(state.decisions[0].node == NodeId{1, 1});
  CHECK(state.decisions[0].action == metadata::NodeAction::kForget);
  const auto absent = to_string(NodeId{3, 3});
  state.status.nodes.push_back({});
  state.status.nodes.back().id = NodeId{3, 3};
  state.status.nodes.back().name = absent;
  state.status.nodes.back().state = "absent";
  state.status.nodes.back().admin = "decommissioning";
  CHECK_THAT(run(state, {"status"}).out,
             Catch::Contains(absent) && Catch::Contains("decommissioning") &&
                 Catch::Contains("not seen since the namenode started"));
  REQUIRE(run(state, {"node", "forget", absent}).exit_code == 0);
  CHECK(state.decisions[1].node == NodeId{3, 3});
}

TEST_CASE("status says which datanodes cannot be reached from here") {
  FakeState state;
  state.status = two_nodes();
  state.status.nodes[0].state = state.status.nodes[1].state = "live";
  CHECK(run(state, {"status"}).out.find("REACHED") == std::string::npos);
  state.unreachable = {NodeId{2, 2}};
  const auto text = run(state, {"status"}).out;
  CHECK(text.find("REACHED") > text.find("two:9866"));
  CHECK(text.find("REACHED") != std::string::npos);
  const auto nodes = nlohmann::json::parse(run(state, {"status", "--json"}).out)["nodes"];
  CHECK(nodes[0]["unreachable"] == false);
  CHECK(nodes[1]["unreachable"] == true);
  CHECK(text.find("reach:") == std::string::npos);
  state.untried = {NodeId{1, 1}};
  CHECK_THAT(run(state, {"status"}).out, Catch::Contains("1 of 2 datanodes were tried"));
  const auto some = nlohmann::json::parse(run(state, {"status", "--json"}).out)["nodes"];
  CHECK(some[0]["unreachable"].is_null());
  CHECK(some[1]["unreachable"] == true);
}

TEST_CASE("a namenode behind its datanodes is told of, and accepted by its own flag only") {
  FakeState state;
  state.behind = true;
  CHECK_THAT(run(state, {"safemode", "status"}).out, Catch::Contains("a later state"));
  CHECK_THAT(run(state, {"safemode", "leave"}).err, Catch::Contains("a later state"));
  CHECK(run(state, {"safemode", "wait"}).exit_code == 1);
  CHECK(run(state, {"fsck"}).exit_code == 1);
  CHECK_THAT(run(state, {"fsck"}).out, Catch::Contains("BEHIND"));
  CHECK(nlohmann::json::parse(run(state, {"fsck", "--json"}).out).at("behind") == true);
  CHECK(run(state, {"safemode", "enter", "--accept-older-namespace"}).exit_code == 2);
  CHECK(run(state, {"safemode", "leave", "--accept-older-namespace"}).out == "safe mode is off\n");
  CHECK(run(state, {"fsck"}).exit_code == 0);
}

TEST_CASE("safemode shows and changes the mode") {
  FakeState state;
  CHECK(run(state, {"safemode", "status"}).out == "safe mode is off\n");
  CHECK_THAT(run(state, {"safemode", "enter"}).out, Catch::Contains("on"));
  CHECK(run(state, {"safemode", "leave"}).out == "safe mode is off\n");
  CHECK(run(state, {"safemode", "wait"}).exit_code == 0);
  CHECK(run(state, {"safemode", "now"}).exit_code != 0);
}

TEST_CASE("setrep takes whole directories and refuses what is no number of copies") {
  FakeState state;
  state.directories = {"/", "/d"};
  state.files = {{"/d/a", "a"}, {"/d/b", "b"}};
  REQUIRE(run(state, {"setrep", "2", "/d"}).exit_code == 0);
  CHECK(state.calls == std::vector<std::string>{"setrep 2 /d/a", "setrep 2 /d/b"});
  for (const char* bad : {"0", "256", "two", "", "99999999999999999999"}) {
    CHECK(run(state, {"setrep", bad, "/d"}).exit_code != 0);
  }
}

TEST_CASE("setrep goes on after a file that fails") {
  FakeState state;
  state.directories = {"/", "/d"};
  state.files = {{"/d/a", "a"}, {"/d/b", "b"}, {"/d/c", "c"}, {"/e", "e"}};
  state.failing = {"/d/b"};
  const auto outcome = run(state, {"setrep", "2", "/none", "/d", "/e"});
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.err == "minidfs: /none: not found\nminidfs: /d/b: refused\n");
  CHECK(outcome.out == "replication 2 set: /d/a\nreplication 2 set: /d/c\nreplication 2 set: /e\n");
}

TEST_CASE("setrep --wait waits for what the namenode says, and tells once why it takes long") {
  FakeState state;
  state.files = {{"/a", "a"}};
  const std::string reason = "3 copies are wanted, and 2 datanodes are in service";
  state.copies = {{1, 1, 0, reason}, {1, 1, 0, reason}, {1, 0, 1, ""}, {1, 0, 0, ""}};
  const auto outcome = run(state, {"setrep", "-w", "3", "/a"});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err == "minidfs: setrep: waits, as " + reason + "\n");
  CHECK(state.copies.size() == 1);
}

TEST_CASE("balance refuses what is no percentage, and ends when the cluster is even") {
  FakeState state;
  for (const char* bad : {"0", "-5", "101", "x", "nan"}) {
    CHECK(run(state, {"balance", "--threshold", bad}).exit_code != 0);
  }
  CHECK(state.calls.empty());
  CHECK(run(state, {"balance"}).exit_code == 0);
  CHECK(run(state, {"balance", "--stop"}).exit_code == 0);
  CHECK(state.calls.back() == "balance stop");
  CHECK(run(state, {"balance", "--stop", "--wait"}).exit_code == 2);
}

TEST_CASE("balance --wait shows how far it is, and ends as the namenode says") {
  using State = client::Balance::State;
  FakeState state;
  state.balances = {{State::kRunning, 7, 0.5, 0, 0, 0, ""},
                    {State::kRunning, 7, 0.5, 2, 0, 0, "safe mode is on"},
                    {State::kReached, 7, 0.01, 0, 3, 3 << 20, ""}};
  const auto reached = run(state, {"balance", "--wait"});
  CHECK(reached.exit_code == 0);
  CHECK(reached.out ==
        "farthest from the mean: 50.0 %; 0 blocks moved (0 B), 2 under way\n"
        "farthest from the mean: 1.0 %; 3 blocks moved (3.0 MiB), 0 under way\n");
  CHECK(reached.err == "minidfs: balance: waits, as safe mode is on\n");
  CHECK(state.calls == std::vector<std::string>{"balance 0.050000"});
  CHECK_THAT(run(state, {"balance", "--status"}).out, Catch::Contains("balance: reached"));

  state.balances = {{State::kStuck, 7, 0.3, 0, 0, 0, ""}};
  const auto stuck = run(state, {"balance", "--wait"});
  CHECK(stuck.exit_code == 1);
  CHECK_THAT(stuck.err, Catch::Contains("no block can be moved") && Catch::Contains("30.0 %"));
  state.balances = {{State::kRunning, 7, 0.3, 0, 0, 0, ""}, {State::kRunning, 8, 0.3, 0, 0, 0, ""}};
  CHECK(run(state, {"balance", "--wait"}).exit_code == 1);
}

TEST_CASE("a table of racks is lines of a host and its rack") {
  const auto table = parse_rack_table("# racks\nn1 /r1\n\n  n2\t/r2  # in the corner\n");
  REQUIRE(table.ok());
  CHECK(*table == RackTable{{"n1", "/r1"}, {"n2", "/r2"}});
  CHECK_THAT(parse_rack_table("n1 /r1\nn2 r2\n").error().message, Catch::Contains("line 2"));
  CHECK_THAT(parse_rack_table("n1 /r1\nn1 /r2\n").error().message, Catch::Contains("twice"));
  CHECK_FALSE(parse_rack_table("n1\n").ok());
  CHECK_FALSE(parse_rack_table("n1 /r1 more\n").ok());
}

}  // namespace
}  // namespace minidfs::cli
