#include <catch2/catch.hpp>

#include "base/file.hpp"
#include "fake_file_system.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::cli {
namespace {

using test::FakeState;
using test::run;
using Words = std::vector<std::string>;

std::string content(const std::string& path) { return *read_file(path, 1 << 20); }

TEST_CASE("get writes a file to a name or into a directory") {
  const minidfs::test::TemporaryDirectory local;
  std::filesystem::create_directory(local.file("d"));
  FakeState state;
  state.files["/big"] = "bytes";
  CHECK(run(state, {"get", "/big", local.file("copy")}).exit_code == 0);
  CHECK(run(state, {"get", "/big", local.file("d/")}).exit_code == 0);
  CHECK(content(local.file("copy")) == "bytes");
  CHECK(content(local.file("d/big")) == "bytes");
}

TEST_CASE("get keeps a local file that exists, and replaces it with -f") {
  const minidfs::test::TemporaryDirectory local;
  const auto target = local.write("copy", "old");
  FakeState state;
  state.files["/big"] = "new";
  const auto outcome = run(state, {"get", "/big", target});
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.err == "minidfs: " + target + ": already exists (use -f to replace it)\n");
  CHECK(content(target) == "old");
  CHECK(run(state, {"get", "-f", "/big", target}).exit_code == 0);
  CHECK(content(target) == "new");
  CHECK(std::distance(std::filesystem::directory_iterator(local.file("")), {}) == 1);
}

TEST_CASE("get -r keeps a directory that exists, and merges into it with -f") {
  const minidfs::test::TemporaryDirectory local;
  std::filesystem::create_directories(local.file("here/d"));
  FakeState state;
  state.directories.insert("/d");
  const auto kept = run(state, {"get", "-r", "/d", local.file("here")});
  CHECK(kept.exit_code == 1);
  CHECK(kept.err == "minidfs: " + local.file("here/d") +
                        ": already exists (use -f to replace the files in it)\n");
  CHECK(run(state, {"get", "-rf", "/d", local.file("here")}).exit_code == 0);
  CHECK(state.read_options.overwrite);
  CHECK(run(state, {"get", "-rfT", "/d", local.file("here/d")}).exit_code == 0);
}

TEST_CASE("get writes to standard output and to devices as they are") {
  FakeState state;
  state.files["/big"] = std::string("by\0tes", 6);
  CHECK(run(state, {"get", "/big", "-"}).out == std::string("by\0tes", 6));
  CHECK(run(state, {"get", "/big", "/dev/null"}).exit_code == 0);
  CHECK(state.calls.empty());
  CHECK(std::filesystem::is_character_file("/dev/null"));
  CHECK(run(state, {"get", "--salvage", "/big", "-"}).out == std::string("by\0tes", 6));
  CHECK(run(state, {"get", "--salvage", "/big", "/dev/null"}).exit_code == 0);
  CHECK(state.calls == Words{"salvage /big", "salvage /big"});
}

TEST_CASE("get needs -r for a directory, and cannot stream one") {
  const minidfs::test::TemporaryDirectory local;
  FakeState state;
  state.directories.insert("/d");
  CHECK(run(state, {"get", "/d", local.file("x")}).err == "minidfs: /d: is a directory (use -r)\n");
  CHECK(run(state, {"get", "-r", "/d", "-"}).exit_code == 1);
  CHECK(run(state, {"get", "-r", "/d", local.file("x")}).exit_code == 0);
  CHECK(std::filesystem::is_directory(local.file("x")));
  CHECK(run(state, {"get", "-r", "/d", local.file("x")}).exit_code == 0);
  CHECK(std::filesystem::is_directory(local.file("x/d")));
}

TEST_CASE("get of several names each that fails and fetches the rest") {
  const minidfs::test::TemporaryDirectory local;
  std::filesystem::create_directory(local.file("d"));
  FakeState state;
  state.files["/a"] = "1";
  const auto outcome = run(state, {"get", "/none", "/a", local.file("d")});
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.err == "minidfs: /none: not found\n");
  CHECK(content(local.file("d/a")) == "1");
}

TEST_CASE("get does not make the directory that it shall copy into") {
  const minidfs::test::TemporaryDirectory local;
  FakeState state;
  state.files["/a"] = "1";
  CHECK(run(state, {"get", "/a", local.file("d/")}).exit_code == 1);
  CHECK(run(state, {"get", "/a", "/b", local.file("d")}).exit_code == 1);
  CHECK_FALSE(std::filesystem::exists(local.file("d")));
}

TEST_CASE("get passes on what is to be kept, and -T makes the target itself the copy") {
  const minidfs::test::TemporaryDirectory local;
  std::filesystem::create_directory(local.file("d"));
  FakeState state;
  state.directories.insert("/t");
  REQUIRE(run(state, {"get", "-rpT", "--skip-existing", "/t", local.file("d")}).exit_code == 0);
  CHECK(state.read_options.preserve);
  CHECK(state.read_options.keep_existing);
  CHECK_FALSE(std::filesystem::exists(local.file("d/t")));
  CHECK(run(state, {"get", "-rT", "/t", local.file("d")}).exit_code == 1);
  CHECK(run(state, {"get", "-f", "--skip-existing", "/t", local.file("d")}).exit_code == 2);
  CHECK(run(state, {"get", "-T", "/t", "/a", local.file("d")}).exit_code == 2);
}

}  // namespace
}  // namespace minidfs::cli
