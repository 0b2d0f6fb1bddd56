#include "auth/secret_file.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "support/temporary_directory.hpp"

namespace minidfs::auth {
namespace {

Errc load_problem(const std::string& path) {
  const auto loaded = load_credentials(path);
  return loaded.ok() ? Errc::kInternal : loaded.error().code;
}

TEST_CASE("a secret and a client's key come back from their files as they were") {
  const test::TemporaryDirectory directory;
  const Key secret(random_bytes());
  const auto path = directory.file("secret");
  REQUIRE(write_secret_file(path, secret_text(secret)).ok());
  const auto loaded = load_credentials(path);
  REQUIRE(loaded.ok());
  CHECK((*loaded)->holds_secret());
  CHECK((*loaded)->own(Role::kDatanode)->key.bytes() ==
        Credentials(secret).own(Role::kDatanode)->key.bytes());
  const auto key = (*loaded)->make_client_key();
  const auto client = parse_credentials(client_key_text(key), "key");
  REQUIRE(client.ok());
  CHECK_FALSE(client->holds_secret());
  CHECK(client->own(Role::kClient)->id == key.id);
  CHECK(client->own(Role::kClient)->key.bytes() == key.key.bytes());
}

TEST_CASE("the digits of a key in its file are its bytes in their order") {
  Bytes32 bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(0x10 + i);
  CHECK_THAT(secret_text(Key(bytes)),
             Catch::StartsWith("format=1\nkind=secret\nid=" + std::string(32, '0') +
                               "\nkey=101112131415161718191a1b1c1d1e1f"
                               "202122232425262728292a2b2c2d2e2f\nchecksum="));
}

TEST_CASE("a secret file is its owner's alone, and is never overwritten") {
  const test::TemporaryDirectory directory;
  const auto path = directory.file("secret");
  REQUIRE(write_secret_file(path, secret_text(Key(random_bytes()))).ok());
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(write_secret_file(path, "other").error().code == Errc::kAlreadyExists);
  CHECK(load_credentials(path).ok());
  for (const mode_t mode : {0640, 0604, 0620, 0601}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    const auto loaded = load_credentials(path);
    REQUIRE_FALSE(loaded.ok());
    CHECK(loaded.error().code == Errc::kPermissionDenied);
    CHECK(loaded.error().message.find(path) == 0);
  }
  REQUIRE(::chmod(path.c_str(), 0400) == 0);
  CHECK(load_credentials(path).ok());
}

TEST_CASE("what is no secret is refused by name") {
  const test::TemporaryDirectory directory;
  CHECK(load_problem(directory.file("none")) == Errc::kNotFound);
  CHECK(load_problem(directory.path()) == Errc::kInvalidArgument);
  const auto path = directory.write("noise", "not a secret\n");
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  CHECK(load_problem(path) == Errc::kCorrupt);
  const auto large = directory.write("large", std::string(100'000, 'x'));
  REQUIRE(::chmod(large.c_str(), 0600) == 0);
  CHECK(load_problem(large) == Errc::kTooLarge);
}

TEST_CASE("any other byte of a secret file is noticed, and a newer format is told from damage") {
  for (const auto& text : {secret_text(Key(random_bytes())),
                           client_key_text(Credentials(Key(random_bytes())).make_client_key())}) {
    REQUIRE(parse_credentials(text, "f").ok());
    for (std::size_t i = 0; i < text.size(); ++i) {
      auto damaged = text;
      damaged[i] = static_cast<char>(damaged[i] ^ 1);
      REQUIRE_FALSE(parse_credentials(damaged, "f").ok());
      REQUIRE_FALSE(parse_credentials(text.substr(0, i), "f").ok());
    }
    CHECK_FALSE(parse_credentials(text + "\n", "f").ok());
  }
  const auto newer = parse_credentials("format=2\nkind=other\n", "f");
  REQUIRE_FALSE(newer.ok());
  CHECK(newer.error().code == Errc::kUnsupported);
}

}  // namespace
}  // namespace minidfs::auth
