#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/config.hpp"
#include "fake_file_system.hpp"

namespace minidfs::cli {
namespace {

using test::FakeState;
using test::run;
using Words = std::vector<std::string>;

FakeState small_tree() {
  FakeState state;
  state.directories = {"/", "/d", "/d/sub"};
  state.files = {{"/a", "aaa"}, {"/d/b", "bb"}, {"/d/sub/c", "c"}};
  return state;
}

TEST_CASE("cat writes files one after another") {
  auto state = small_tree();
  CHECK(run(state, {"cat", "/a", "/d/b"}).out == "aaabb");
}

TEST_CASE("cat goes on after a file that is missing, and fails at the end") {
  auto state = small_tree();
  const auto outcome = run(state, {"cat", "/none", "/a"});
  CHECK(outcome.out == "aaa");
  CHECK(outcome.err == "minidfs: /none: not found\n");
  CHECK(outcome.exit_code == 1);
}

TEST_CASE("a reader that goes away ends a verb without a word, as if by SIGPIPE") {
  Io io;
  std::string err;
  io.err = [&](std::string_view text) { err += text; };
  io.end->reader_gone = true;
  CHECK(report(io, {Errc::kCancelled, "/a: standard output: nobody reads on"}) == 141);
  Tally tally(io);
  CHECK_FALSE(tally.take(Error{Errc::kCancelled, "/a"}));
  CHECK(tally.exit_code() == 141);
  CHECK(err.empty());
}

TEST_CASE("whatever a name, owner, rack or host holds, a terminal is told nothing by it") {
  auto state = small_tree();
  const std::string evil =
      "/\x1b]0;x\x07\xc2\x9b"
      "2J\x9b\nz";
  state.files[evil] = "abc";
  state.owner = evil.substr(1);
  state.out_is_terminal = true;
  client::NodeReport node;
  node.name = node.rack = evil;
  node.state = "live";
  state.status.nodes = {node};
  state.status.safe_mode = true;
  state.status.safe_mode_reason = evil;
  client::NodeScrub scrubbed;
  scrubbed.name = evil;
  scrubbed.state = "live";
  state.scrubbed = {scrubbed};
  client::BlockProblem problem;
  problem.path = evil;
  problem.wanted = 3;
  state.problems = {problem};
  for (const Words& words : {Words{"ls", "-l"},
                             {"ls", "-lR"},
                             {"ls", evil, "/d"},
                             {"ls", "--json"},
                             {"stat", evil},
                             {"stat", "--json", evil},
                             {"checksum", evil},
                             {"setrep", "2", evil},
                             {"fsck", "--files", "--locations"},
                             {"fsck", "--json"},
                             {"status"},
                             {"status", "--json"},
                             {"scrub"},
                             {"scrub", "--json"},
                             {"cat", "/none" + evil},
                             {"rm", "/none" + evil},
                             {"node", "recommission", "none" + evil}}) {
    INFO(words.front());
    const auto outcome = run(state, words);
    const auto said = outcome.out + outcome.err;
    CHECK(said.size() > 10);
    CHECK(said.find_first_of("\x1b\x07\x9b") == std::string::npos);
    if (words.back() != "--json") CHECK(said.find("\nz") == std::string::npos);
  }
}

TEST_CASE("names that are no UTF-8 are lossless in every JSON document") {
  auto state = small_tree();
  const std::string name = "/a b\xff";
  state.files[name] = "abc";
  client::BlockProblem problem;
  problem.path = name;
  problem.wanted = 3;
  state.problems = {problem};
  const auto json_of = [&](const Words& words) {
    return nlohmann::json::parse(run(state, words).out);
  };
  CHECK(json_of({"stat", "--json", name})["path_bytes"] == "/a%20b%FF");
  CHECK(json_of({"stat", "--json", name})["name_bytes"] == "a%20b%FF");
  CHECK(json_of({"ls", "--json"})[1]["path_bytes"] == "/a%20b%FF");
  const auto fsck = json_of({"fsck", "--json", "--files"});
  CHECK(fsck["problems"][0]["path_bytes"] == "/a%20b%FF");
  CHECK(fsck["entries"][1]["path_bytes"] == "/a%20b%FF");
  CHECK(json_of({"stat", "--json", "/a"}).count("path_bytes") == 0);
}

TEST_CASE("ls lists names, a file by its path, and everything below with -R") {
  auto state = small_tree();
  CHECK(run(state, {"ls", "/"}).out == "a\nd\n");
  CHECK(run(state, {"ls", "/d/b"}).out == "/d/b\n");
  CHECK(run(state, {"ls", "-R", "/"}).out == "/a\n/d\n/d/b\n/d/sub\n/d/sub/c\n");
  CHECK(run(state, {"ls", "/", "/d"}).out == "/:\na\nd\n\n/d:\nb\nsub\n");
  CHECK(run(state, {"ls", "-l", "/d"}).out.find(" b\n") != std::string::npos);
}

TEST_CASE("what is removed while a verb goes through a tree hides nothing else from it") {
  auto state = small_tree();
  state.directories.insert("/gone");
  state.files["/gone/x"] = "x";
  state.removed = {"/gone", "/d/b"};
  const auto listed = run(state, {"ls", "-R", "/"});
  CHECK(listed.exit_code == 0);
  CHECK(listed.out == "/a\n/d\n/gone\n/d/b\n/d/sub\n/d/sub/c\n");
  const auto changed = run(state, {"setrep", "2", "/"});
  CHECK(changed.exit_code == 0);
  CHECK_THAT(changed.out, Catch::Contains("/d/sub/c"));
  const auto checked = run(state, {"fsck", "--blocks", "/"});
  CHECK(checked.exit_code == 0);
  CHECK_THAT(checked.out, Catch::Contains("/d/sub/c") && !Catch::Contains("/d/b "));
}

TEST_CASE("ls --json is one array with full paths") {
  auto state = small_tree();
  const auto array = nlohmann::json::parse(run(state, {"ls", "-R", "--json", "/d"}).out);
  REQUIRE(array.size() == 3);
  CHECK(array[0]["path"] == "/d/b");
  CHECK(array[1]["type"] == "directory");
  CHECK(nlohmann::json::parse(run(state, {"ls", "--json", "/d/sub/none"}).out).empty());
}

TEST_CASE("mkdir passes -p on") {
  auto state = small_tree();
  CHECK(run(state, {"mkdir", "/x", "/y"}).exit_code == 0);
  CHECK(state.calls == Words{"mkdir /x", "mkdir /y"});
  CHECK(run(state, {"mkdir", "/x"}).exit_code == 1);
  CHECK(run(state, {"mkdir", "-p", "/x"}).exit_code == 0);
}

TEST_CASE("rm needs -r for directories and is quiet about missing files with -f only") {
  auto state = small_tree();
  CHECK(run(state, {"rm", "/d"}).err == "minidfs: /d: is a directory (use -r)\n");
  CHECK(run(state, {"rm", "/none"}).exit_code == 1);
  const auto forced = run(state, {"rm", "-f", "/none"});
  CHECK(forced.exit_code == 0);
  CHECK(forced.err.empty());
  state.calls.clear();
  CHECK(run(state, {"rm", "/a"}).exit_code == 0);
  CHECK(run(state, {"rm", "-r", "/d"}).exit_code == 0);
  CHECK(state.calls == Words{"remove /a", "remove -r /d"});
}

TEST_CASE("mv renames, or moves into a directory that exists") {
  auto state = small_tree();
  CHECK(run(state, {"mv", "/a", "/z"}).exit_code == 0);
  CHECK(run(state, {"mv", "/z", "/d"}).exit_code == 0);
  CHECK(run(state, {"mv", "/d/z", "/d/b", "/d/sub/"}).exit_code == 0);
  CHECK(state.calls ==
        Words{"rename /a /z", "rename /z /d/z", "rename /d/z /d/sub/z", "rename /d/b /d/sub/b"});
  CHECK(run(state, {"mv", "/d/sub/b", "/none/"}).exit_code == 1);
  CHECK(run(state, {"mv", "/none", "/x"}).err == "minidfs: /none: not found\n");
}

TEST_CASE("stat shows a file, its blocks on demand, and JSON for programs") {
  auto state = small_tree();
  CHECK(run(state, {"stat", "/"}).out.find("type:         directory\n") != std::string::npos);
  CHECK(run(state, {"stat", "--blocks", "/a"})
            .out.find("block:        7 at 0, 3 bytes on 127.0.0.1:9866\n") != std::string::npos);
  const auto object = nlohmann::json::parse(run(state, {"stat", "--json", "--blocks", "/a"}).out);
  CHECK(object["length"] == 3);
  CHECK(object["blocks"][0]["replicas"][0]["node"] == "127.0.0.1:9866");
  CHECK(object["blocks"][0]["id"] == "7");
  CHECK(object["inode"].is_string());
  // One document, whatever the number of paths.
  const auto several = nlohmann::json::parse(run(state, {"stat", "--json", "/a", "/d"}).out);
  REQUIRE(several.size() == 2);
  CHECK(several[1]["type"] == "directory");
}

TEST_CASE("checksum prints the sum and the path as xxhsum does") {
  FakeState state;
  state.files["/empty"] = "";
  CHECK(run(state, {"checksum", "/empty"}).out == "99aa06d3014798d86001c324468d497f  /empty\n");
}

TEST_CASE("checksum with a mode prints what the datanodes made, as hdfs dfs -checksum does") {
  FakeState state;
  state.files["/a"] = "abc";
  CHECK(run(state, {"checksum", "--combine-mode", "COMPOSITE_CRC", "/a"}).out ==
        "/a\tCOMPOSITE-CRC32C\tc076ab75\n");
  CHECK(state.calls.back() == "hdfs_checksum /a COMPOSITE_CRC");
  const auto refused = run(state, {"checksum", "--combine-mode", "CRC", "/a"});
  CHECK(refused.exit_code == 2);
  CHECK_THAT(refused.err, Catch::Contains("'CRC' is not one of MD5MD5CRC, COMPOSITE_CRC"));
}

TEST_CASE("checksum tells the algorithm in JSON") {
  FakeState state;
  state.files["/a"] = "";
  const auto own = nlohmann::json::parse(run(state, {"checksum", "--json", "/a"}).out);
  CHECK(own["algorithm"] == "XXH3-128");
  CHECK(own["checksum"] == "99aa06d3014798d86001c324468d497f");
  CHECK(own["path"] == "/a");
  const auto several = nlohmann::json::parse(run(state, {"checksum", "--json", "/a", "/b"}).out);
  CHECK(several.size() == 1);
}

TEST_CASE("scrub shows the state, or has all checked, and waits for it only when asked to") {
  FakeState state;
  state.scrubbed = {{{}, "dn1:9866", "live", true, 10, 12, 0, 1000}, {{}, "dn2:9866", "dead"}};
  const auto shown = run(state, {"scrub"});
  CHECK(shown.exit_code == 0);
  CHECK(shown.out ==
        "dn1:9866: 10 of 12 replicas checked, 0 corrupt, last round ended 1970-01-01 00:00:01 UTC\n"
        "dn2:9866: dead\n");
  CHECK(run(state, {"scrub", "--now"}).out == "dn1:9866: asked\ndn2:9866: dead\n");
  const auto clean = run(state, {"scrub", "--now", "-w"});
  CHECK(clean.exit_code == 0);
  CHECK(clean.out == "dn1:9866: 10 replicas checked, 0 corrupt\ndn2:9866: dead\n");
  CHECK(state.calls == Words{"scrub state", "scrub", "scrub and wait"});
  state.scrubbed[0].bad = 2;
  CHECK(run(state, {"scrub", "--now", "--wait"}).exit_code == 1);
  const auto json = nlohmann::json::parse(run(state, {"scrub", "--now", "-w", "--json"}).out);
  CHECK(json["nodes"][0]["corrupt"] == 2);
  CHECK(run(state, {"scrub", "--wait"}).exit_code == 2);
}

TEST_CASE("status prints text, or JSON for programs") {
  FakeState state;
  CHECK(run(state, {"status"}).out.find("safe mode:  off\n") != std::string::npos);
  CHECK(nlohmann::json::parse(run(state, {"status", "--json"}).out)["nodes"].empty());
}

TEST_CASE("config prints the defaults whatever the environment says, or what is in effect") {
  FakeState state;
  const Words environment{"MINIDFS_CLIENT_REPLICATION=1"};
  CHECK(run(state, {"config"}, environment).out == print_config(Config{}));
  CHECK(run(state, {"config", "--effective"}, environment).out.find("\nreplication = 1\n") !=
        std::string::npos);
  CHECK(run(state, {"config", "--effective"}, {"MINIDFS_CLIENT_REPLICATION=x"}).exit_code == 2);
  CHECK(state.connections == 0);
}

TEST_CASE("an unreachable namenode is said once, however many paths are asked for") {
  FakeState state;
  state.connect_status = Error{Errc::kUnavailable, "127.0.0.1:1: connection refused"};
  const auto outcome = run(state, {"cat", "/a", "/b", "/c"});
  CHECK(outcome.exit_code == 3);
  CHECK(outcome.err == "minidfs: 127.0.0.1:1: connection refused\n");
}

TEST_CASE("an error message stays on one line whatever a name holds") {
  FakeState state;
  const auto outcome = run(state, {"cat", "/a\nb"});
  CHECK(outcome.err == "minidfs: /a\\x0ab: not found\n");
}

}  // namespace
}  // namespace minidfs::cli
