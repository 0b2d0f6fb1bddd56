#include "client/read/local_output.hpp"

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
  test::TemporaryDirectory directory;
  const auto path = directory.file(std::string(255, 'n'));
  auto output = LocalOutput::create(path);
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
  test::TemporaryDirectory directory;
  {
    auto output = LocalOutput::create(directory.file("file"));
    REQUIRE(output.ok());
    REQUIRE(output->write(bytes_of("half")).ok());
  }
  CHECK(entries_of(directory) == 0);
}

TEST_CASE("A local file that appeared meanwhile is not replaced") {
  test::TemporaryDirectory directory;
  const auto path = directory.file("file");
  auto output = LocalOutput::create(path);
  REQUIRE(output.ok());
  REQUIRE(replace_file(path, "theirs").ok());
  CHECK(output->finish().error().code == Errc::kAlreadyExists);
  CHECK(*read_file(path, 100) == "theirs");
}

TEST_CASE("A missing local directory is named") {
  const auto output = LocalOutput::create("/no/such/directory/file");
  REQUIRE_FALSE(output.ok());
  CHECK_THAT(output.error().message, Catch::Contains("/no/such/directory/file"));
}

TEST_CASE("Paths are joined by one slash") {
  CHECK(join_path("/", "a") == "/a");
  CHECK(join_path("/a", "b") == "/a/b");
  CHECK(join_path("/a/", "b") == "/a/b");
  CHECK(join_path("", "b") == "b");
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
