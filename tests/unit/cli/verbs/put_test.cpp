#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "client/local_source.hpp"
#include "fake_file_system.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::cli {
namespace {

using test::FakeState;
using test::run;
using Words = std::vector<std::string>;

TEST_CASE("put writes one file under the name given") {
  const minidfs::test::TemporaryDirectory local;
  FakeState state;
  const auto outcome = run(state, {"put", local.write("f", "hello"), "/x"});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err.empty());
  CHECK(outcome.out.empty());
  CHECK(state.files["/x"] == "hello");
}

TEST_CASE("put goes into a directory, with or without a slash") {
  const minidfs::test::TemporaryDirectory local;
  FakeState state;
  state.directories.insert("/d");
  CHECK(run(state, {"put", local.write("f", "1"), "/d"}).exit_code == 0);
  CHECK(run(state, {"put", local.write("g", "2"), "/d/"}).exit_code == 0);
  CHECK(run(state, {"put", local.write("h", ""), "/"}).exit_code == 0);
  CHECK(state.files["/d/f"] == "1");
  CHECK(state.files["/d/g"] == "2");
  CHECK(state.files.count("/h") == 1);
}

TEST_CASE("put of a file into a directory that does not exist writes nothing") {
  const minidfs::test::TemporaryDirectory local;
  FakeState state;
  const auto outcome = run(state, {"put", local.write("f", "1"), "/d/"});
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.err == "minidfs: /d: no such directory\n");
  CHECK(state.calls.empty());
}

TEST_CASE("put keeps a file that exists, and replaces it with -f") {
  const minidfs::test::TemporaryDirectory local;
  FakeState state;
  state.files["/x"] = "old";
  const auto file = local.write("f", "new");
  CHECK(run(state, {"put", file, "/x"}).exit_code == 1);
  CHECK(state.files["/x"] == "old");
  CHECK(run(state, {"put", "-f", file, "/x"}).exit_code == 0);
  CHECK(state.files["/x"] == "new");
}

TEST_CASE("put sends several files as one batch into a directory") {
  const minidfs::test::TemporaryDirectory local;
  FakeState state;
  const auto f = local.write("f", "1");
  const auto g = local.write("g,1", "2");
  CHECK(run(state, {"put", f, g, "/d"}).err == "minidfs: /d: no such directory\n");
  state.directories.insert("/d");
  CHECK(run(state, {"put", f, g, "/d"}).exit_code == 0);
  CHECK(state.calls == Words{"batch 2"});
  CHECK(state.files["/d/g,1"] == "2");
}

TEST_CASE("put -r makes a directory the target, or puts it into one that exists") {
  const minidfs::test::TemporaryDirectory local;
  local.write("photos/a/1", "one");
  local.write("photos/2", "two");
  std::filesystem::create_directories(local.file("photos/empty"));
  FakeState state;
  CHECK(run(state, {"put", local.file("photos"), "/p"}).err ==
        "minidfs: " + local.file("photos") + ": is a directory (use -r)\n");
  CHECK(run(state, {"put", "-r", local.file("photos"), "/p"}).exit_code == 0);
  CHECK(state.files["/p/a/1"] == "one");
  CHECK(state.files["/p/2"] == "two");
  CHECK(state.directories.count("/p/empty") == 1);
  CHECK(run(state, {"put", "-r", local.file("photos/"), "/p"}).exit_code == 0);
  CHECK(state.files["/p/photos/a/1"] == "one");
}

TEST_CASE("put -r stores what it can, names what it cannot, and fails") {
  const minidfs::test::TemporaryDirectory local;
  local.write("t/f", "1");
  REQUIRE(::mkfifo(local.file("t/pipe").c_str(), 0600) == 0);
  FakeState state;
  const auto outcome = run(state, {"put", "-r", local.file("t"), "/t"});
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.err == "minidfs: " + local.file("t/pipe") + ": not a regular file, left out\n");
  CHECK(state.files["/t/f"] == "1");
}

TEST_CASE("put -r goes on after a directory that cannot be made") {
  const minidfs::test::TemporaryDirectory local;
  local.write("t/f", "1");
  for (const char* name : {"t/bad", "t/empty"}) {
    std::filesystem::create_directories(local.file(name));
  }
  FakeState state;
  state.failing = {"/t/bad"};
  const auto outcome = run(state, {"put", "-r", local.file("t"), "/t"});
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.err == "minidfs: /t/bad: refused\n");
  CHECK(state.files["/t/f"] == "1");
  CHECK(state.directories.count("/t/empty") == 1);
}

TEST_CASE("a missing local file is said before anybody is asked") {
  FakeState state;
  const auto outcome = run(state, {"put", "/nonexistent-file", "/x"});
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.err == "minidfs: /nonexistent-file: No such file or directory\n");
  CHECK(state.connections == 0);
}

TEST_CASE("a bad target is said before anybody is asked, and is wrong usage") {
  const minidfs::test::TemporaryDirectory local;
  const auto file = local.write("f", "1");
  FakeState state;
  for (const std::string target : {"x", "/a/../b", ""}) {
    INFO(target);
    const auto outcome = run(state, {"put", file, target});
    CHECK(outcome.exit_code == 2);
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  }
  CHECK(run(state, {"put", file, "/" + std::string(256, 'x')}).exit_code == 2);
  CHECK(state.connections == 0);
}

TEST_CASE("a device is refused by name") {
  FakeState state;
  const auto outcome = run(state, {"put", "/dev/zero", "/x"});
  CHECK(outcome.exit_code != 0);
  CHECK(outcome.err == "minidfs: /dev/zero: neither a regular file nor a pipe\n");
}

TEST_CASE("standard input needs a file as its target and stands alone") {
  FakeState state;
  state.directories.insert("/d");
  CHECK(run(state, {"put", "-", "/d"}).exit_code == 1);
  CHECK(run(state, {"put", "-", "/etc/hostname", "/d"}).exit_code == 2);
  CHECK(state.files.empty());
}

TEST_CASE("fewer copies than wanted are said, and the put succeeds") {
  const minidfs::test::TemporaryDirectory local;
  FakeState state;
  state.copies_min = 2;
  const auto outcome = run(state, {"put", local.write("big.iso", "x"), "/"});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err == "minidfs: /big.iso: stored with 2 of 3 copies\n");
  CHECK(run(state, {"put", local.write("empty", ""), "/"}).err.empty());
}

TEST_CASE("the client library is given the options of flags and environment") {
  const minidfs::test::TemporaryDirectory local;
  FakeState state;
  const Words words{"put", "--replication=2", "--timeout=1s", local.write("f", ""), "/x"};
  CHECK(run(state, words, {"MINIDFS_NAMENODE=[::1]:9,b", "MINIDFS_USER=alice"}).exit_code == 0);
  CHECK(state.options.replication == 2);
  CHECK(state.options.user == "alice");
  CHECK(state.options.timeout == std::chrono::seconds(1));
  CHECK(state.options.connect_timeout == std::chrono::seconds(1));
  CHECK(state.options.namenodes == std::vector<metadata::Endpoint>{{"::1", 9}, {"b", 8020}});
  CHECK_FALSE(state.write_options.progress);
}

TEST_CASE("put looks at a pipe without opening it, which its writer would notice") {
  const minidfs::test::TemporaryDirectory local;
  const auto path = local.file("pipe");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK(client::LocalSource::examine(path).ok());  // An open would wait for the writer.
  CHECK_FALSE(client::LocalSource::examine("/dev/null").ok());
  CHECK_FALSE(client::LocalSource::examine(local.file("none")).ok());
}

TEST_CASE("put --skip-existing leaves a file that exists as it is") {
  FakeState state;
  state.files["/x"] = "old";
  const auto local = minidfs::test::TemporaryDirectory();
  const auto source = local.write("x", "new");
  CHECK(run(state, {"put", source, "/x"}).exit_code == 1);
  CHECK(run(state, {"put", "--skip-existing", source, "/x"}).exit_code == 0);
  CHECK(state.files["/x"] == "old");
  CHECK(state.write_options.keep_existing);
  CHECK(run(state, {"put", "-f", "--skip-existing", source, "/x"}).exit_code == 2);
}

TEST_CASE("put -T makes the target itself the copy, also where a directory stands") {
  const minidfs::test::TemporaryDirectory local;
  std::filesystem::create_directories(local.file("tree/sub"));
  local.write("tree/sub/f", "f");
  FakeState state;
  for (int i = 0; i < 2; ++i) {
    CHECK(run(state, {"put", "-r", "-T", "--skip-existing", local.file("tree"), "/t"}).exit_code ==
          0);
  }
  CHECK(state.files.size() == 1);
  CHECK(state.files.count("/t/sub/f") == 1);
  CHECK(run(state, {"put", "-r", local.file("tree"), "/t"}).exit_code == 0);
  CHECK(state.files.count("/t/tree/sub/f") == 1);
  CHECK(run(state, {"put", "-T", local.write("a", ""), local.write("b", ""), "/t"}).exit_code == 2);
}

TEST_CASE("put -p keeps what files and directories have, these after all that is put in them") {
  const minidfs::test::TemporaryDirectory local;
  std::filesystem::create_directories(local.file("tree/sub"));
  local.write("tree/sub/f", "f");
  FakeState state;
  REQUIRE(run(state, {"put", "-rp", local.file("tree"), "/t"}).exit_code == 0);
  CHECK(state.write_options.preserve);
  CHECK(state.calls == std::vector<std::string>{"batch 1", "preserve /t", "preserve /t/sub"});
  state.calls.clear();
  REQUIRE(run(state, {"put", "-r", local.file("tree"), "/u"}).exit_code == 0);
  CHECK_FALSE(state.write_options.preserve);
  CHECK(state.calls == std::vector<std::string>{"batch 1"});
}

}  // namespace
}  // namespace minidfs::cli
