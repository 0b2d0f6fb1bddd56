// The rules of docs/cli.md, held against every verb of the command table.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "fake_file_system.hpp"

namespace minidfs::cli {
namespace {

using test::FakeState;
using test::Outcome;
using test::run;
using Words = std::vector<std::string>;

// How a verb is tried. Operands are paths of the fake tree, "/none" does not exist there.
struct Trial {
  Words good;              // Operands of a run that succeeds.
  Words with_bad_path;     // Empty: takes no path.
  Words first_fails;       // Several, the first of which fails; empty: takes at most one.
  std::string still_done;  // What the others leave in the calls or the output then.
};

const std::map<std::string, Trial>& trials() {
  static const std::map<std::string, Trial> kTrials{
      {"put",
       {{"/etc/hostname", "/x"},
        {"/etc/hostname", "relative"},
        {"/none", "/etc/hostname", "/d"},
        "batch 1"}},
      {"get", {{"/a", "-"}, {"relative", "-"}, {"/none", "/a", "-"}, "aaa"}},
      {"cat", {{"/a"}, {"relative"}, {"/none", "/a"}, "aaa"}},
      {"ls", {{"/"}, {"relative"}, {"/none", "/d"}, "b\n"}},
      {"mkdir", {{"/x"}, {"relative"}, {"/d", "/x"}, "mkdir /x"}},
      {"rm", {{"/a"}, {"relative"}, {"/none", "/a"}, "remove /a"}},
      {"mv", {{"/a", "/d/"}, {"relative", "/d"}, {"/none", "/a", "/d"}, "rename /a /d/a"}},
      {"append", {{"/etc/hostname", "/a"}, {"/etc/hostname", "relative"}, {}, ""}},
      {"concat", {{"/a", "/d/b"}, {"/a", "relative"}, {}, ""}},
      {"touch", {{"/a"}, {"relative"}, {}, ""}},
      {"chmod", {{"700", "/a"}, {"700", "relative"}, {"700", "/none", "/a"}, "attributes /a"}},
      {"chown", {{"bob", "/a"}, {"bob", "relative"}, {"bob", "/none", "/a"}, "owner /a"}},
      {"chgrp", {{"bob", "/a"}, {"bob", "relative"}, {"bob", "/none", "/a"}, "owner /a"}},
      {"stat", {{"/a"}, {"relative"}, {"/none", "/a"}, "path:         /a\n"}},
      {"checksum", {{"/a"}, {"relative"}, {"/none", "/a"}, "  /a\n"}},
      {"setrep", {{"2", "/a"}, {"2", "relative"}, {"2", "/none", "/a"}, "setrep 2 /a"}},
      {"status", {{}, {}, {}, ""}},
      {"top", {{"--count=1"}, {}, {}, ""}},
      {"fsck", {{"/"}, {"relative"}, {}, ""}},
      {"node", {{"decommission", "one"}, {}, {"decommission", "none", "one"}, "decide"}},
      {"balance", {{}, {}, {}, ""}},
      {"safemode", {{"status"}, {}, {}, ""}},
      {"scrub", {{}, {}, {}, ""}},
      {"namenode", {{"backup", "/none/d"}, {"restore", "/none/d"}, {}, ""}},
      {"quorum", {{"list"}, {"lists"}, {}, ""}},
      {"secret", {{"new", "/none/secret"}, {"old", "/none/secret"}, {}, ""}},
      {"config", {{}, {}, {}, ""}},
  };
  return kTrials;
}

FakeState small_tree() {
  FakeState state;
  state.directories = {"/", "/d"};
  state.files = {{"/a", "aaa"}, {"/d/b", "bb"}};
  client::NodeReport node;
  node.id = NodeId{1, 1};
  node.name = "one:9866";
  node.state = "live";
  node.admin = "in service";
  state.status.nodes = {node};
  state.quorum = {1, 1, 0, {{1, "one:8020", true, "leader"}}};
  return state;
}

Words command(std::string_view verb, const Words& operands, const Words& flags = {}) {
  Words words{std::string(verb)};
  words.insert(words.end(), flags.begin(), flags.end());
  words.insert(words.end(), operands.begin(), operands.end());
  return words;
}

bool is_one_line(const std::string& text) {
  return text.rfind("minidfs: ", 0) == 0 && std::count(text.begin(), text.end(), '\n') == 1 &&
         text.back() == '\n';
}

const Trial& trial_of(const Command& verb) {
  const auto found = trials().find(std::string(verb.name));
  REQUIRE(found != trials().end());
  return found->second;
}

TEST_CASE("-h and --help show the same help of every verb and connect to nothing") {
  for (const auto* verb : command_table()) {
    INFO(verb->name);
    auto state = small_tree();
    const auto shown = run(state, {std::string(verb->name), "--help"});
    CHECK(shown.exit_code == 0);
    CHECK(shown.out.find("Usage: minidfs " + std::string(verb->name)) == 0);
    CHECK(run(state, {std::string(verb->name), "-h"}).out == shown.out);
    CHECK(run(state, {"help", std::string(verb->name)}).out == shown.out);
    CHECK(state.connections == 0);
  }
}

TEST_CASE("wrong usage of any verb is one line and exit code 2, before anything is done") {
  for (const auto* verb : command_table()) {
    INFO(verb->name);
    const auto& trial = trial_of(*verb);
    auto state = small_tree();
    const auto check = [&](const Words& words, const Words& environment = {}) {
      const auto outcome = run(state, words, environment);
      INFO(outcome.err);
      CHECK(outcome.exit_code == 2);
      CHECK(is_one_line(outcome.err));
      CHECK(outcome.out.empty());
    };
    check(command(verb->name, trial.good, {"--no-such-flag"}));
    if (verb->operands_min > 0) check({std::string(verb->name)});
    if (verb->operands_max != kManyOperands) {
      check(command(verb->name, Words(verb->operands_max + 1, "/a")));
    }
    if (!trial.with_bad_path.empty()) check(command(verb->name, trial.with_bad_path));
    if (verb->is_client) {
      check(command(verb->name, trial.good), {"MINIDFS_FOO=1"});
      check(command(verb->name, trial.good, {"--timeout=150000d"}));
      for (const auto* bad : {"5", "-1s", "soon", "", "150000d"}) {
        check(command(verb->name, trial.good, {"--stale=" + std::string(bad)}));
      }
      check(command(verb->name, trial.good), {"MINIDFS_CLIENT_STALE=soon"});
    }
    CHECK(state.connections == 0);
    CHECK(state.calls.empty());
  }
}

TEST_CASE("an unreachable namenode is told once by every verb, with an exit code of its own") {
  for (const auto* verb : command_table()) {
    if (!verb->is_client) continue;
    INFO(verb->name);
    const auto& trial = trial_of(*verb);
    auto state = small_tree();
    state.connect_status = Error{Errc::kUnavailable, "cannot reach the namenode"};
    for (const auto& operands : {trial.good, trial.first_fails}) {
      // A local file that does not exist is told of before anybody is asked.
      if (verb->name == "put" && operands == trial.first_fails) continue;
      if (operands.size() < verb->operands_min) continue;
      const auto outcome = run(state, command(verb->name, operands));
      CHECK(outcome.exit_code == 3);
      CHECK(outcome.err == "minidfs: cannot reach the namenode\n");
      CHECK(outcome.out.empty());
    }
  }
}

TEST_CASE(
    "what any verb says with --json is a document, also when there is nothing that it could tell") {
  for (const auto* verb : command_table()) {
    const auto is_json = [](const Flag& flag) { return flag.name == "json"; };
    if (std::none_of(verb->flags.begin(), verb->flags.end(), is_json)) continue;
    INFO(verb->name);
    const auto& trial = trial_of(*verb);
    auto state = small_tree();
    const auto check = [&](const Words& operands, int exit_code) {
      const auto outcome = run(state, command(verb->name, operands, {"--json"}));
      CHECK(outcome.exit_code == exit_code);
      CHECK(nlohmann::json::accept(outcome.out));
    };
    check(trial.good, 0);
    if (verb->name == "stat" || verb->name == "fsck") check({"/none"}, 1);
    state.connect_status = Error{Errc::kUnavailable, "cannot reach the namenode"};
    check(trial.good, 3);
  }
}

TEST_CASE("of several operands each that fails is named, the others are done, and 1 is the end") {
  for (const auto* verb : command_table()) {
    const auto& trial = trial_of(*verb);
    if (trial.first_fails.empty()) continue;
    INFO(verb->name);
    auto state = small_tree();
    const auto outcome = run(state, command(verb->name, trial.first_fails));
    INFO(outcome.err);
    CHECK(outcome.exit_code == 1);
    CHECK(is_one_line(outcome.err));
    std::string done = outcome.out;
    for (const auto& call : state.calls) done += call + "\n";
    for (std::size_t i = 0; i < state.decisions.size(); ++i) done += "decide\n";
    CHECK(done.find(trial.still_done) != std::string::npos);
  }
}

TEST_CASE("no verb waits for what goes on in the background unless it is told to") {
  for (const auto* verb : command_table()) {
    INFO(verb->name);
    const bool in_background = verb->name == "setrep" || verb->name == "node" ||
                               verb->name == "balance" || verb->name == "scrub";
    const auto flag = std::find_if(verb->flags.begin(), verb->flags.end(),
                                   [](const Flag& known) { return known.name == "wait"; });
    CHECK((flag != verb->flags.end()) == in_background);
    if (in_background && flag != verb->flags.end()) CHECK(flag->letter == 'w');
  }
}

TEST_CASE("flags that mean the same have one name and letter, in every verb that has them") {
  const std::map<std::string_view, char> letters{
      {"force", 'f'},    {"json", 0},    {"no-target-directory", 'T'},
      {"preserve", 'p'}, {"quiet", 'q'}, {"skip-existing", 0},
      {"wait", 'w'}};
  std::map<std::string_view, std::vector<std::string_view>> verbs_with;
  for (const auto* verb : command_table()) {
    for (const auto& flag : verb->flags) {
      INFO(verb->name << " --" << flag.name);
      verbs_with[flag.name].push_back(verb->name);
      const auto known = letters.find(flag.name);
      if (known != letters.end()) CHECK(flag.letter == known->second);
    }
  }
  // What goes in and what comes out is kept, named and gone on with in the same way.
  const std::vector<std::string_view> both{"put", "get"};
  for (const char* name : {"preserve", "skip-existing", "no-target-directory"}) {
    INFO(name);
    CHECK(verbs_with[name] == both);
  }
}

TEST_CASE(
    "what excludes one another or belongs elsewhere is wrong usage, before anything is done") {
  for (const Words& words :
       {Words{"put", "-f", "--skip-existing", "/etc/hostname", "/x"},
        Words{"get", "-f", "--skip-existing", "/a", "/tmp/x"},
        Words{"put", "-T", "/etc/hostname", "/etc/hosts", "/x"},
        Words{"get", "-T", "/a", "/d", "/tmp/x"},
        Words{"node", "decommission", "--for", "1h", "one"},
        Words{"node", "forget", "--wait", "one"}, Words{"balance", "--stop", "--wait"},
        Words{"balance", "--stop", "--status"}, Words{"scrub", "--wait"}}) {
    INFO(words[0] << " " << words[1]);
    auto state = small_tree();
    const auto outcome = run(state, words);
    CHECK(outcome.exit_code == 2);
    CHECK(is_one_line(outcome.err));
    CHECK(state.connections == 0);
  }
}

TEST_CASE("two sources of the same name are refused before anything is done") {
  auto state = small_tree();
  state.files["/d/a"] = "other";
  for (const Words& words : {Words{"mv", "/a", "/d/a", "/d"}, Words{"get", "/a", "/d/a", "/tmp"},
                             Words{"put", "-r", "/a", "/d/a", "/d"}}) {
    INFO(words.front());
    const auto outcome = run(state, words);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.err == "minidfs: /a and /d/a would both become 'a'\n");
    CHECK(state.connections == 0);
  }
}

}  // namespace
}  // namespace minidfs::cli
