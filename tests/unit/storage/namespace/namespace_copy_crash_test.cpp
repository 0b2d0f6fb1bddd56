// A crash at any time while a copy is taken in and installed leaves the namespace of before, or the
// new one.
#include <algorithm>
#include <filesystem>

#include "support/file_recorder.hpp"
#include "unit/storage/namespace/copy_fixture.hpp"

namespace minidfs::storage {
namespace {

using minidfs::test::CrashedDisk;
using minidfs::test::FileRecorder;
using minidfs::test::TemporaryDirectory;
using test::check_same;
using test::kCopyCluster;
using test::must;
using test::NamespaceDirectory;
using test::pieces_of;
using test::take_all;
using test::TestNamespace;

}  // namespace

TEST_CASE("A crash while a copy is installed leaves the old namespace or the new one") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  for (int i = 0; i < 60; ++i) ns.run(TestNamespace::mkdir("/new" + std::to_string(i)));
  const auto fresh = ns.tree(1000);
  const auto pieces = pieces_of(ns.store());

  const TemporaryDirectory other;
  std::vector<minidfs::test::FileCall> calls;
  CrashedDisk disk;
  std::size_t installing = 0;
  std::map<std::string, FileBlocks> old;
  {
    TestNamespace target(other.file("namespace.db"));
    for (int i = 0; i < 40; ++i) target.run(TestNamespace::mkdir("/old" + std::to_string(i)));
    must(target.store().make_durable());
    old = target.tree(1000);
    disk = CrashedDisk(minidfs::test::read_contents(other.path()));
    const FileRecorder recorder(other.path());
    auto intake = must(target.store().begin_intake(kCopyCluster));
    must(take_all(*intake, pieces));
    installing = recorder.calls().size();
    must(target.store().install(std::move(intake)));
    calls = recorder.calls();
  }
  REQUIRE(calls.size() > installing + 20);

  std::mt19937 random(7);
  std::size_t with_old = 0;
  for (std::size_t done = 0; done <= calls.size(); ++done) {
    if (done > 0) disk.carry_out(calls[done - 1]);
    for (const auto kept :
         {CrashedDisk::Kept::kSynced, CrashedDisk::Kept::kAll, CrashedDisk::Kept::kSome}) {
      CAPTURE(done, calls.size(), installing, static_cast<int>(kept));
      const TemporaryDirectory crashed;
      minidfs::test::write_contents(crashed.path(), disk.contents(kept, random));
      TestNamespace after(crashed.file("namespace.db"));
      const bool is_new = after.store().applied() == 60;
      if (!is_new) CHECK(after.store().applied() == 40);
      if (done <= installing) CHECK_FALSE(is_new);
      if (done == calls.size()) CHECK(is_new);
      check_same(after.tree(1000), is_new ? fresh : old);
      CHECK_FALSE(std::filesystem::exists(crashed.file("namespace.db.seed")));
      with_old += is_new ? 0 : 1;
    }
  }
  CHECK(with_old > 3 * installing);
}

}  // namespace minidfs::storage
