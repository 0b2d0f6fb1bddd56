// The verb `secret`, and what a role makes of the file that it is given.
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "auth/secret_file.hpp"
#include "cli/roles/role_admission.hpp"
#include "fake_file_system.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::cli {
namespace {

using minidfs::test::TemporaryDirectory;
using test::FakeState;
using test::Outcome;

Outcome secret(std::vector<std::string> words, const std::vector<std::string>& environment = {}) {
  FakeState state;
  words.insert(words.begin(), "secret");
  auto outcome = test::run(state, words, environment);
  CHECK(state.connections == 0);
  return outcome;
}

// A directory with a secret in it.
struct Secret {
  Secret() { REQUIRE(secret({"new", file}).exit_code == 0); }
  TemporaryDirectory directory;
  const std::string file = directory.file("secret");
};

CommonConfig listening_on(const std::string& host) {
  CommonConfig common;
  common.listen = host;
  return common;
}

TEST_CASE("secret new makes another secret each time, and never in the place of one") {
  const Secret made;
  const auto loaded = auth::load_credentials(made.file);
  REQUIRE(loaded.ok());
  CHECK((*loaded)->holds_secret());
  const auto again = secret({"new", made.file});
  CHECK(again.exit_code == 1);
  CHECK_THAT(again.err, Catch::Contains(made.file));
  const auto other = made.directory.file("other");
  REQUIRE(secret({"new", other}).exit_code == 0);
  CHECK((*auth::load_credentials(other))->own(auth::Role::kClient)->key.bytes() !=
        (*loaded)->own(auth::Role::kClient)->key.bytes());
}

TEST_CASE("secret derive prints a client's key, or writes it to a file") {
  const Secret made;
  const auto printed = secret({"derive", "client", made.file});
  REQUIRE(printed.exit_code == 0);
  const auto key = auth::parse_credentials(printed.out, "printed");
  REQUIRE(key.ok());
  CHECK_FALSE(key->holds_secret());
  const auto check_written = [&](const std::string& name, const Outcome& outcome) {
    INFO(outcome.err);
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.out.empty());
    const auto written = auth::load_credentials(name);
    REQUIRE(written.ok());
    CHECK_FALSE((*written)->holds_secret());
  };
  const auto first = made.directory.file("first");
  check_written(first, secret({"derive", "client", made.file, first}));
  const auto second = made.directory.file("second");
  check_written(second, secret({"derive", "client", second, "--secret-file", made.file}));
  const auto third = made.directory.file("third");
  check_written(third,
                secret({"derive", "client", third}, {"MINIDFS_COMMON_SECRET_FILE=" + made.file}));
  // Not from a key, not for other roles, and not from nothing.
  CHECK_THAT(secret({"derive", "client", first}).err, Catch::Contains(first));
  CHECK(secret({"derive", "client", first}).exit_code == 1);
  CHECK(secret({"derive", "datanode", made.file}).exit_code == 2);
  CHECK(secret({"derive", "client"}).exit_code == 2);
  CHECK(secret({"derive", "client", made.directory.file("none")}).exit_code == 1);
  CHECK(secret({"forget", made.file}).exit_code == 2);
}

TEST_CASE("a verb takes the secret from its flag or the environment, and a bad file is named") {
  const Secret made;
  FakeState state;
  CHECK(test::run(state, {"ls", "/"}).exit_code == 0);
  CHECK(state.options.credentials == nullptr);
  CHECK(test::run(state, {"ls", "--secret-file", made.file, "/"}).exit_code == 0);
  REQUIRE(state.options.credentials != nullptr);
  CHECK(state.options.credentials->holds_secret());
  state.options = {};
  test::run(state, {"ls", "/"}, {"MINIDFS_COMMON_SECRET_FILE=" + made.file});
  CHECK(state.options.credentials != nullptr);
  REQUIRE(::chmod(made.file.c_str(), 0644) == 0);
  const auto readable = test::run(state, {"ls", "--secret-file", made.file, "/"});
  CHECK(readable.exit_code == 1);
  CHECK_THAT(readable.err, Catch::Contains(made.file) && Catch::Contains("chmod 600"));
}

TEST_CASE("a role that other machines reach needs a secret, or to be told that it needs none") {
  for (const auto* host : {"127.0.0.1", "127.8.9.1", "::1", "localhost"}) {
    INFO(host);
    const auto local = role_admission(listening_on(host));
    REQUIRE(local.ok());
    CHECK(*local == nullptr);
  }
  for (const auto* host : {"0.0.0.0", "::", "", "192.0.2.1"}) {
    INFO(host);
    const auto exposed = role_admission(listening_on(host));
    REQUIRE_FALSE(exposed.ok());
    CHECK(exposed.error().code == Errc::kInvalidArgument);
    CHECK_THAT(exposed.error().message,
               Catch::Contains("--secret-file") && Catch::Contains("--insecure"));
    auto insecure = listening_on(host);
    insecure.insecure = true;
    CHECK(role_admission(insecure).ok());
  }
}

TEST_CASE("a role takes the secret itself, and not beside --insecure") {
  const Secret made;
  auto common = listening_on("0.0.0.0");
  common.secret_file = made.file;
  const auto admission = role_admission(common);
  REQUIRE(admission.ok());
  CHECK((*admission)->holds_secret());
  common.insecure = true;
  CHECK(role_admission(common).error().code == Errc::kInvalidArgument);
  common.insecure = false;
  common.secret_file = made.directory.file("key");
  REQUIRE(secret({"derive", "client", made.file, common.secret_file}).exit_code == 0);
  CHECK(role_admission(common).error().code == Errc::kPermissionDenied);
  common.secret_file = made.directory.file("none");
  CHECK(role_admission(common).error().code == Errc::kNotFound);
}

}  // namespace
}  // namespace minidfs::cli
