// Copies of the database of a namespace that goes on meanwhile.
#include "storage/namespace/namespace_backup.hpp"

#include <fstream>

#include "unit/storage/namespace/namespace_fixture.hpp"

namespace minidfs::storage {
namespace {

using metadata::LifeId;
using test::must;
using test::NamespaceDirectory;
using test::TestNamespace;

std::string read_whole(const NamespaceBackup& backup) {
  std::string bytes;
  while (bytes.size() < backup.bytes()) bytes += must(backup.read(bytes.size(), 1000));
  return bytes;
}

}  // namespace

TEST_CASE("A backup is the namespace as it was when it began, however much is changed meanwhile") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(metadata::BeginLeadership{1, LifeId{8, 9}, 1, 44});
  for (int i = 0; i < 500; ++i) ns.run(TestNamespace::mkdir("/d" + std::to_string(i)));
  const auto before = ns.tree(1000);
  const auto change = ns.store().applied();

  auto backup = must(NamespaceBackup::begin(directory.file(), directory.file("backup.new"), 0));
  int steps = 0;
  for (; !backup->is_whole(); ++steps) {
    REQUIRE(steps < 10'000);
    must(backup->step(1));
    // More than the limit of the write-ahead log takes, so that it would begin anew.
    ns.run(TestNamespace::mkdir("/later" + std::to_string(steps)));
    ns.run(TestNamespace::remove("/d" + std::to_string(steps % 500)));
  }
  CHECK(steps > 10);
  CHECK(backup->change() == change);
  CHECK(backup->life() == LifeId{8, 9});
  CHECK_FALSE(std::filesystem::exists(directory.file("backup.new")));

  std::ofstream(directory.file("copy.db"), std::ios::binary) << read_whole(*backup);
  TestNamespace copy(directory.file("copy.db"));
  CHECK(copy.store().applied() == change);
  const auto after = copy.tree(1000);
  REQUIRE(after.size() == before.size());
  for (const auto& [path, entry] : before) CHECK(after.at(path).status == entry.status);
  // And it is one that can be gone on with.
  must(copy.store().begin_again());
  CHECK(copy.run(metadata::BeginLeadership{1, LifeId{8, 10}, 2, 45}).ok());
  CHECK(must(copy.reader().history()).facts({LifeId{8, 9}, 1}, copy.store().applied()).change ==
        change);
}

TEST_CASE("A backup that is given up, or that a crash has left, is in nobody's way") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  const auto copy = directory.file("backup.new");
  std::ofstream(copy) << "left by a crash";
  {
    auto given_up = must(NamespaceBackup::begin(directory.file(), copy, 0));
    must(given_up->step(1));
  }
  CHECK_FALSE(std::filesystem::exists(copy));
  auto backup = must(NamespaceBackup::begin(directory.file(), copy, 0));
  while (!backup->is_whole()) must(backup->step(100));
  CHECK(must(backup->read(backup->bytes(), 10)).empty());
  CHECK_FALSE(backup->read(backup->bytes() + 1, 10).ok());
}

TEST_CASE("A backup for which the disk has no room is refused before it begins") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  const auto refused = NamespaceBackup::begin(directory.file(), directory.file("backup.new"),
                                              std::uint64_t{1} << 60);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::kNoSpace);
  CHECK_FALSE(std::filesystem::exists(directory.file("backup.new")));
}

}  // namespace minidfs::storage
