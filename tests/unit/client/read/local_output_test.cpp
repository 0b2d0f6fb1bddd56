#include "client/read/local_output.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "support/temporary_directory.hpp"

namespace minidfs::client {
namespace {

namespace fs = std::filesystem;

std::size_t entries_of(const test::TemporaryDirectory& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory.file("")), fs::directory_iterator()));
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST_CASE("A local file appears when it is finished") {
  HiddenNames names;
  test::TemporaryDirectory directory;
  const auto path = directory.file(std::string(255, 'n'));
  auto output = LocalOutput::create(names, path);
  REQUIRE(output.ok());
  REQUIRE(output->write(bytes_of("hello")).ok());
  CHECK_FALSE(fs::exists(path));
  REQUIRE(output->finish().ok());
  const auto content = read_file(path, 100);
  REQUIRE(content.ok());
  CHECK(*content == "hello");
  CHECK(entries_of(directory) == 1);
}

TEST_CASE("A local file that is given up leaves nothing behind") {
  HiddenNames names;
  test::TemporaryDirectory directory;
  {
    auto output = LocalOutput::create(names, directory.file("file"));
    REQUIRE(output.ok());
    REQUIRE(output->write(bytes_of("half")).ok());
  }
  CHECK(entries_of(directory) == 0);
}

TEST_CASE("A local file that appeared meanwhile is not replaced") {
  HiddenNames names;
  test::TemporaryDirectory directory;
  const auto path = directory.file("file");
  auto output = LocalOutput::create(names, path);
  REQUIRE(output.ok());
  REQUIRE(replace_file(path, "theirs").ok());
  CHECK(output->finish().error().code == Errc::kAlreadyExists);
  CHECK(*read_file(path, 100) == "theirs");
}

TEST_CASE("A local file has no name before it is finished") {
  HiddenNames names;
  test::TemporaryDirectory directory;
  auto output = LocalOutput::create(names, directory.file("file"));
  REQUIRE(output.ok());
  REQUIRE(output->write(bytes_of("half")).ok());
  CHECK(entries_of(directory) == 0);
}

TEST_CASE("A local file is replaced when the new one is whole, and its mode stays") {
  HiddenNames names;
  test::TemporaryDirectory directory;
  const auto path = directory.file("file");
  REQUIRE(replace_file(path, "old").ok());
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  auto output = LocalOutput::create(names, path, Existing::kReplaced);
  REQUIRE(output.ok());
  REQUIRE(output->write(bytes_of("new")).ok());
  CHECK(*read_file(path, 100) == "old");
  REQUIRE(output->finish().ok());
  CHECK(*read_file(path, 100) == "new");
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0640);
  CHECK(entries_of(directory) == 1);
}

TEST_CASE("A link stays a link, and where it leads is written, whether it exists or not") {
  HiddenNames names;
  test::TemporaryDirectory directory;
  fs::create_directory(directory.file("d"));
  fs::create_symlink("d/target", directory.file("link"));
  for (const std::string text : {"first", "second"}) {
    auto output = LocalOutput::create(names, directory.file("link"), Existing::kReplaced);
    REQUIRE(output.ok());
    REQUIRE(output->write(bytes_of(text)).ok());
    REQUIRE(output->finish().ok());
    CHECK(fs::is_symlink(directory.file("link")));
    CHECK(*read_file(directory.file("d/target"), 100) == text);
  }
  fs::create_symlink("ring", directory.file("ring"));
  CHECK_FALSE(LocalOutput::create(names, directory.file("ring")).ok());
}

TEST_CASE("Zeros become holes, whatever order they are written in") {
  HiddenNames names;
  test::TemporaryDirectory directory;
  std::string content(3 << 20, '\0');
  content[5] = 'a';
  content[(1 << 20) + 7] = 'b';
  auto output = LocalOutput::create(names, directory.file("file"));
  REQUIRE(output.ok());
  const auto bytes = bytes_of(content);
  for (const std::size_t part : {2U, 0U, 1U}) {
    const std::size_t offset = part << 20U;
    REQUIRE(output->write_at(offset, bytes.subspan(offset, 1 << 20)).ok());
  }
  REQUIRE(output->finish().ok());
  CHECK((*read_file(directory.file("file"), 4 << 20) == content));
  struct stat status {};
  REQUIRE(::stat(directory.file("file").c_str(), &status) == 0);
  CHECK(status.st_blocks * 512 < 1 << 20);
}

TEST_CASE("Hidden files are removed when their process is about to end, and no more appear") {
  test::TemporaryDirectory directory;
  HiddenNames names;
  const auto path = directory.file("hidden");
  REQUIRE(names.add(path));
  REQUIRE(replace_file(path, "half").ok());
  names.remove_all();
  CHECK(entries_of(directory) == 0);
  CHECK_FALSE(names.add(path));
}

TEST_CASE("A missing local directory is named") {
  HiddenNames names;
  const auto output = LocalOutput::create(names, "/no/such/directory/file");
  REQUIRE_FALSE(output.ok());
  CHECK_THAT(output.error().message, Catch::Contains("/no/such/directory/file"));
}

TEST_CASE("Names from the network cannot leave their directory") {
  CHECK(check_name("a", "/d").ok());
  CHECK(check_name("...", "/d").ok());
  CHECK(check_name("\xff\xfe", "/d").ok());
  for (const std::string_view name : {"", ".", "..", "a/b", "/", "../x"}) {
    CHECK(check_name(name, "/d").error().code == Errc::kProtocol);
  }
  CHECK_FALSE(check_name(std::string_view("a\0b", 3), "/d").ok());
}

}  // namespace
}  // namespace minidfs::client
