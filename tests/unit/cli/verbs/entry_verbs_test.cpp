// The verbs that change what is there: chmod, chown, chgrp, touch, append, concat.
#include <catch2/catch.hpp>
#include <fstream>

#include "fake_file_system.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::cli {
namespace {

using test::FakeState;
using test::run;
using Words = std::vector<std::string>;

FakeState small_tree() {
  FakeState state;
  state.directories = {"/", "/d", "/d/sub"};
  state.files = {{"/a", "aaa"}, {"/d/b", "bb"}, {"/d/sub/c", "c"}};
  for (const auto& directory : state.directories) state.permissions[directory] = 0755;
  for (const auto& [path, content] : state.files) state.permissions[path] = 0644;
  state.owner = "ann";
  return state;
}

TEST_CASE("chmod changes what is named, and with -R all below") {
  auto state = small_tree();
  CHECK(run(state, {"chmod", "700", "/d", "/a"}).exit_code == 0);
  CHECK(state.calls == Words{"attributes /d 448 - -", "attributes /a 448 - -"});
  state.calls.clear();
  CHECK(run(state, {"chmod", "-R", "go+rX", "/d"}).exit_code == 0);
  CHECK(state.calls == Words{"attributes /d 493 - -"});
  CHECK(state.permissions["/d/sub/c"] == 0644);
}

TEST_CASE("chmod goes on after a path that cannot be changed, and fails at the end") {
  auto state = small_tree();
  state.failing = {"/d/b"};
  const auto outcome = run(state, {"chmod", "-R", "o-r", "/none", "/d"});
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.err == "minidfs: /none: not found\nminidfs: /d/b: refused\n");
  CHECK(state.permissions["/d/sub/c"] == 0640);
}

TEST_CASE("chown and chgrp set what they name and leave the rest") {
  auto state = small_tree();
  CHECK(run(state, {"chown", "bob", "/a"}).exit_code == 0);
  CHECK(run(state, {"chown", "bob:staff", "/a"}).exit_code == 0);
  CHECK(run(state, {"chown", ":staff", "/a"}).exit_code == 0);
  CHECK(run(state, {"chown", "bob:", "/a"}).exit_code == 0);
  CHECK(run(state, {"chgrp", "-R", "staff", "/d"}).exit_code == 0);
  CHECK(state.calls == Words{"owner /a bob:", "owner /a bob:staff", "owner /a :staff",
                             "owner /a bob:", "owner /d :staff", "owner /d/b :staff",
                             "owner /d/sub :staff", "owner /d/sub/c :staff"});
  state.calls.clear();
  CHECK(run(state, {"chown", "ann:ann", "/a"}).exit_code == 0);
  CHECK(state.calls.empty());
}

TEST_CASE("Owners that are none are refused before anybody is asked") {
  auto state = small_tree();
  for (const auto& words :
       {Words{"chown", "a b", "/a"}, Words{"chown", ":", "/a"}, Words{"chown", "a:b:c", "/a"},
        Words{"chgrp", "a:b", "/a"}, Words{"chgrp", "", "/a"}, Words{"chmod", "999", "/a"}}) {
    CAPTURE(words);
    CHECK(run(state, words).exit_code == 2);
  }
  CHECK(state.connections == 0);
  CHECK(run(state, {"chown", "a:b:c", "/a"}).err ==
        "minidfs: 'a:b:c' does not match expected pattern for [owner][:group].\n");
}

TEST_CASE("touch sets the times it is told to, and makes what is missing") {
  ::setenv("TZ", "UTC", 1);
  auto state = small_tree();
  CHECK(run(state, {"touch", "-t", "19700101:000001", "/a"}).exit_code == 0);
  CHECK(run(state, {"touch", "-a", "-t", "19700101:000002", "/a"}).exit_code == 0);
  CHECK(run(state, {"touch", "-m", "-t", "19700101:000003", "/a"}).exit_code == 0);
  CHECK(run(state, {"touch", "-a", "-m", "-t", "19700101:000004", "/new"}).exit_code == 0);
  CHECK(run(state, {"touch", "-c", "/none"}).exit_code == 0);
  CHECK(run(state, {"touch", "/newer"}).exit_code == 0);
  CHECK(state.calls == Words{"attributes /a - 1000 1000", "attributes /a - - 2000",
                             "attributes /a - 3000 -", "write /new", "attributes /new - 4000 4000",
                             "write /newer"});
  CHECK(state.files.at("/new").empty());
  for (const std::string text : {"now", "19700101", "19700101:0000001", "19701301:000000"}) {
    const auto outcome = run(state, {"touch", "-t", text, "/a"});
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.err == "minidfs: Unable to parse the specified timestamp " + text +
                             ". The expected format is yyyyMMdd:HHmmss\n");
  }
}

TEST_CASE("append adds local files in their order, and makes a file that is missing") {
  const minidfs::test::TemporaryDirectory directory;
  const auto one = directory.file("one");
  const auto two = directory.file("two");
  std::ofstream(one) << "11111";
  std::ofstream(two) << "2";
  auto state = small_tree();
  CHECK(run(state, {"append", one, "/a"}).exit_code == 0);
  CHECK(run(state, {"append", two, one, two, "/a"}).exit_code == 0);
  CHECK(state.files.at("/a") == "aaa111112111112");
  CHECK(run(state, {"append", one, two, "/new"}).exit_code == 0);
  CHECK(state.files.at("/new") == "111112");
  CHECK_FALSE(state.write_options.overwrite);
  state.calls.clear();
  CHECK(run(state, {"append", one, directory.file("none"), "/a"}).exit_code == 1);
  CHECK(run(state, {"append", "-", one, "/a"}).exit_code == 2);
  CHECK(state.calls.empty());
}

TEST_CASE("append tells of blocks with fewer copies than wanted") {
  const minidfs::test::TemporaryDirectory directory;
  std::ofstream(directory.file("one")) << "1";
  auto state = small_tree();
  state.copies_min = 1;
  const auto outcome = run(state, {"append", directory.file("one"), "/a"});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err == "minidfs: /a: stored with 1 of 3 copies\n");
}

TEST_CASE("concat hands over its operands in their order") {
  auto state = small_tree();
  CHECK(run(state, {"concat", "/a", "/b", "/c/"}).exit_code == 0);
  CHECK(state.calls == Words{"concat /a /b /c"});
  CHECK(run(state, {"concat", "/a"}).exit_code == 2);
}

}  // namespace
}  // namespace minidfs::cli
