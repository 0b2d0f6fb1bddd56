// A namespace whose disk fails: what was acknowledged stays, what was not leaves no trace.
#include <filesystem>

#include "storage/sqlite.hpp"
#include "unit/storage/namespace/file_size_limit.hpp"
#include "unit/storage/namespace/namespace_fixture.hpp"

namespace minidfs::storage {
namespace {

using metadata::Change;
using metadata::MakeDirectory;
using metadata::RequestId;
using test::FileSizeLimit;
using test::must;
using test::NamespaceDirectory;
using test::TestNamespace;

constexpr std::uint64_t kMany = 2000;

Change mkdir_by_client(std::uint64_t number) {
  const std::string path = "/" + std::string(200, 'x') + std::to_string(number);
  return MakeDirectory{{ClientId{1, 1}, number, 0}, 10, path, false, 0755, "ann", "staff"};
}

std::string entry(std::uint64_t number) { return metadata::encode_change(mkdir_by_client(number)); }

std::uint64_t wal_bytes(const NamespaceDirectory& directory) {
  return std::filesystem::file_size(directory.file("namespace.db-wal"));
}

TEST_CASE("A batch that finds no room is gone whole, and nothing is committed after it") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  for (std::uint64_t number = 1; number <= 10; ++number) ns.run(mkdir_by_client(number));
  {
    const FileSizeLimit limit(wal_bytes(directory) + 64 * 1024);
    Status status;
    for (std::uint64_t number = 11; status.ok() && number <= kMany; ++number) {
      const auto reply = ns.store().apply(number, entry(number));
      if (!reply.ok()) status = reply.error();
    }
    if (status.ok()) status = ns.store().commit_batch();
    REQUIRE_FALSE(status.ok());
    // The small commit that is left to do would find room.
    CHECK_FALSE(ns.store().commit_batch().ok());
    CHECK_FALSE(ns.store().apply(ns.store().applied() + 1, entry(11)).ok());
    CHECK_FALSE(ns.store().make_durable().ok());
    CHECK(ns.store().applied() == 10);
    CHECK(ns.store().take_effects().blocks.empty());
  }
  ns.reopen();
  CHECK(ns.store().applied() == 10);
  CHECK(must(ns.reader().counters()).directories == 11);
  for (std::uint64_t number = 11; number <= kMany; ++number) {
    // No reply was kept of what was taken back: each is done now.
    const auto reply = must(decode<metadata::ChangeReply>(ns.apply_entry(entry(number)), "reply"));
    CHECK(reply.outcomes[0].ok());
  }
  must(ns.store().commit_batch());
  CHECK(must(ns.reader().counters()).directories == kMany + 1);
}

TEST_CASE("A change that fails in its middle takes the changes before it with it") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(mkdir_by_client(1));
  {
    // Somebody has made inserts of blocks fail in a way that does not end the transaction.
    Database other = must(Database::open(directory.file(), Database::Mode::kReadWrite));
    must(
        other.execute("CREATE TRIGGER broken BEFORE INSERT ON block BEGIN "
                      "SELECT RAISE(ABORT, 'broken'); END"));
  }
  ns.run(metadata::ReserveBlockIds{10});
  ns.run(TestNamespace::create("/f"));
  must(ns.store().apply(4, entry(2)));
  CHECK_FALSE(ns.store()
                  .apply(5, metadata::encode_change([] {
                           auto change = TestNamespace::create("/f", {{BlockId{1}, 1, 5}});
                           std::get<metadata::CommitFiles>(change).files[0].overwrite = true;
                           return change;
                         }()))
                  .ok());
  CHECK_FALSE(ns.store().commit_batch().ok());
  ns.reopen();
  CHECK(ns.store().applied() == 3);
  CHECK(ns.reader().stat("/f").ok());
  CHECK(must(ns.reader().counters()).directories == 2);
}

}  // namespace
}  // namespace minidfs::storage
