// Copies of a namespace for another namenode: given while it goes on, checked, and installed while
// the other one is read.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "storage/namespace/page_stream.hpp"
#include "unit/storage/namespace/copy_fixture.hpp"

namespace minidfs::storage {
namespace {

using metadata::LifeId;
using test::check_same;
using test::install;
using test::kCopyCluster;
using test::must;
using test::NamespaceDirectory;
using test::pieces_of;
using test::take_all;
using test::TestNamespace;

namespace fs = std::filesystem;

std::set<std::string> files_in(const NamespaceDirectory& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(directory.file()).parent_path())) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

// Long names, so that there are many pages.
std::string name_of(int i) { return "/d" + std::to_string(i) + std::string(200, 'x'); }

void fill(TestNamespace& ns, int count) {
  for (int i = 0; i < count; ++i) ns.run(TestNamespace::mkdir(name_of(i)));
}

metadata::Change mkdir_of(const std::string& path, const std::string& owner) {
  return metadata::MakeDirectory{{}, 10, path, true, 0755, owner, "staff"};
}

metadata::Change mkdir_by_client(std::uint64_t number, const std::string& path) {
  return metadata::MakeDirectory{
      {ClientId{1, 1}, number, 0}, 10, path, false, 0755, "ann", "staff"};
}

}  // namespace

TEST_CASE("A copy is the namespace as it was when it began, and nothing of it is on the disk") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(metadata::BeginLeadership{1, LifeId{8, 9}, 1, 44});
  fill(ns, 3000);
  ns.run(TestNamespace::create("/f", {{metadata::first_of(44), 1, 5}}));
  const auto before = ns.tree(1000);
  const auto change = ns.store().applied();
  const auto files = files_in(directory);

  auto copy = must(ns.store().begin_copy(kCopyCluster));
  CHECK(copy->applied() == change);
  int step = 0;
  const auto pieces = pieces_of(*copy, [&] {
    ++step;
    ns.run(TestNamespace::mkdir("/later" + std::to_string(step)));
    ns.run(TestNamespace::remove(name_of(step)));
    CHECK(files_in(directory) == files);
  });
  copy.reset();
  CHECK(step > 4);

  const NamespaceDirectory other;
  TestNamespace target(other.file());
  install(target.store(), pieces);
  CHECK(target.store().applied() == change);
  check_same(target.tree(1000), before);
  CHECK(must(target.reader().epoch()).life == LifeId{8, 9});
  CHECK(must(target.reader().counters()).directories == 3001);
  CHECK(files_in(other) == files);
  // It is one that can be gone on with, and stays.
  CHECK(target.run(TestNamespace::mkdir("/g")).ok());
  CHECK(target.run(TestNamespace::remove("/f")).ok());
  CHECK(must(target.store().make_durable()) == change + 2);
  target.reopen();
  CHECK(target.store().applied() == change + 2);
  CHECK(must(target.reader().counters()).files == 0);
}

TEST_CASE("Whatever is wrong with a copy is found before it is installed") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  fill(ns, 3000);
  const auto whole = pieces_of(ns.store());
  REQUIRE(whole.size() > 4);
  const NamespaceDirectory other;
  TestNamespace target(other.file());
  target.run(TestNamespace::mkdir("/mine"));

  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const std::string how : {"missing", "twice", "cut", "spoilt", "first"}) {
      CAPTURE(i, how);
      auto pieces = whole;
      if (how == "missing") pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(i));
      // The same pages once more do no harm.
      const bool harmless = how == "twice" && i > 0 && i + 1 < whole.size();
      if (how == "twice") pieces.insert(pieces.begin() + static_cast<std::ptrdiff_t>(i), whole[i]);
      if (how == "cut") pieces[i].pop_back();
      if (how == "spoilt") pieces[i][pieces[i].size() / 2] ^= 1;
      if (how == "first") std::swap(pieces[i], pieces[0]);
      auto intake = must(target.store().begin_intake(kCopyCluster));
      const auto status = take_all(*intake, pieces);
      CHECK(status.ok() == (harmless || (how == "first" && i == 0)));
    }
  }
  CHECK_FALSE(fs::exists(other.file("namespace.db.seed")));
  CHECK(target.store().applied() == 1);
  CHECK(must(target.reader().stat("/mine")).permission == 0755);
}

TEST_CASE("Pages that were copied wrongly are found by their sum, however well they travelled") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  fill(ns, 100);
  auto pieces = pieces_of(ns.store());
  CopyDecoder decoder;
  CopyEncoder encoder;
  auto pages = std::get<CopyPages>(must(decoder.decode(pieces[1])));
  // In the middle of a name.
  const auto at = pages.records.find("xxxxxxxx");
  REQUIRE(at != std::string::npos);
  pages.records[at] = 'y';
  pieces[1] = encoder.encode(pages);
  const NamespaceDirectory other;
  TestNamespace target(other.file());
  auto intake = must(target.store().begin_intake(kCopyCluster));
  const auto status = take_all(*intake, pieces);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == Errc::kCorrupt);
}

TEST_CASE("A copy of another cluster, or another version, or without room is refused") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  const auto pieces = pieces_of(ns.store());
  CopyDecoder decoder;
  CopyEncoder encoder;
  const auto refusal = [&](const auto& spoil) {
    auto header = std::get<CopyHeader>(must(decoder.decode(pieces[0])));
    spoil(header);
    auto intake = must(ns.store().begin_intake(kCopyCluster));
    const auto status = intake->take(encoder.encode(header));
    return status.ok() ? take_all(*intake, {pieces.begin() + 1, pieces.end()}).error().code
                       : status.error().code;
  };
  CHECK(refusal([](CopyHeader& h) { h.cluster = ClusterId{7, 8}; }) == Errc::kWrongCluster);
  CHECK(refusal([](CopyHeader& h) { ++h.schema; }) == Errc::kUnsupported);
  CHECK(refusal([](CopyHeader& h) { h.page_bytes = 4096; }) == Errc::kUnsupported);
  CHECK(refusal([](CopyHeader& h) { h.pages = 0xFFFF'FFFF; }) == Errc::kNoSpace);
  CHECK(refusal([](CopyHeader& h) { h.pages = 0; }) == Errc::kCorrupt);
  CHECK(refusal([](CopyHeader& h) { --h.pages; }) == Errc::kCorrupt);
  CHECK(refusal([](CopyHeader& h) { ++h.pages; }) == Errc::kCorrupt);
  CHECK(refusal([](CopyHeader& h) { ++h.applied; }) == Errc::kCorrupt);
  CHECK(refusal([](CopyHeader& h) { ++h.life.low; }) == Errc::kCorrupt);
}

TEST_CASE("Readers go on while a copy is installed, and keep nothing of the namespace before") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  // The same numbers stand for other names, and the same names for other directories.
  ns.run(mkdir_of("/b/a", "bob"));
  ns.run(mkdir_of("/a/b/c", "eve"));
  const auto wanted = ns.tree();
  const NamespaceDirectory other;
  TestNamespace target(other.file());
  target.run(mkdir_of("/a/b/old", "zoe"));
  for (int i = 0; i < 50; ++i) target.run(mkdir_of("/b/a/old" + std::to_string(i), "tom"));
  const auto old = target.tree();
  CHECK(old.at("/a/b/old").status.owner == "zoe");
  const auto applied = target.store().applied();

  Database slow = must(Database::open(other.file(), Database::Mode::kReadOnly));
  must(slow.execute("BEGIN"));
  CHECK(must(slow.integer("SELECT applied FROM state")) == static_cast<std::int64_t>(applied));
  const auto pieces = pieces_of(ns.store());
  auto intake = must(target.store().begin_intake(kCopyCluster));
  must(take_all(*intake, pieces));
  check_same(target.tree(), old);
  must(target.store().install(std::move(intake)));
  check_same(target.tree(), wanted);
  CHECK(must(target.reader().stat("/a/b/c")).owner == "eve");
  CHECK(must(slow.integer("SELECT count(*) FROM dentry")) == static_cast<std::int64_t>(old.size()));
  must(slow.execute("COMMIT"));
  CHECK(must(slow.integer("SELECT applied FROM state")) == 2);

  // The writer keeps nothing either.
  CHECK_FALSE(target.run(mkdir_by_client(9, "/a/b/old/new")).ok());
  CHECK(target.run(mkdir_of("/b/a/new", "kim")).ok());
  CHECK(must(target.reader().stat("/b/a/new")).owner == "kim");
  CHECK(must(target.reader().stat("/b/a")).children == 1);
  target.reopen();
  CHECK(must(target.reader().stat("/b/a")).children == 1);
}

TEST_CASE("What was answered before a copy was taken is known where it is installed") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(mkdir_by_client(1, "/once"));
  const NamespaceDirectory other;
  TestNamespace target(other.file());
  target.run(mkdir_by_client(2, "/forgotten"));
  install(target.store(), pieces_of(ns.store()));
  // Done anew it would be refused.
  CHECK(target.run(mkdir_by_client(1, "/once")).ok());
  CHECK(target.run(mkdir_by_client(2, "/forgotten")).ok());
  CHECK(must(target.reader().counters()).directories == 3);
}

TEST_CASE("A copy takes only the room that it needs, once it is installed") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(TestNamespace::mkdir("/little"));
  const NamespaceDirectory other;
  TestNamespace target(other.file());
  fill(target, 2000);
  must(target.store().make_durable());
  const auto large = fs::file_size(other.file());
  install(target.store(), pieces_of(ns.store()));
  CHECK(fs::file_size(other.file()) < large / 4);
  CHECK(fs::file_size(other.file("namespace.db-wal")) == 0);
  CHECK_FALSE(fs::exists(other.file("namespace.db.seed")));
  CHECK(target.tree().size() == 2);
}

TEST_CASE("What a crash has left of a copy is removed by the next start") {
  const NamespaceDirectory directory;
  std::ofstream(directory.file("namespace.db.seed")) << "half of it";
  const TestNamespace ns(directory.file());
  CHECK_FALSE(fs::exists(directory.file("namespace.db.seed")));
}

// Needs 2.4 GiB.
TEST_CASE("The pages of a database above 1 GiB are all there but the one for locks", "[.large]") {
  const NamespaceDirectory directory;
  Database source = must(Database::open(directory.file(), Database::Mode::kCreate));
  must(
      source.execute("PRAGMA page_size=2048;PRAGMA journal_mode=WAL;PRAGMA synchronous=OFF;"
                     "CREATE TABLE t(b BLOB)"));
  for (int i = 0; i < 60; ++i) must(source.execute("INSERT INTO t VALUES(randomblob(20000000))"));
  must(source.execute("BEGIN"));
  const auto rows = must(source.integer("SELECT count(*) FROM t"));
  auto stream = must(PageStream::open(source));
  CHECK(stream->pages() > lock_page(2048));
  {
    std::ofstream copy(directory.file("copy"), std::ios::binary);
    std::uint64_t records = 0;
    while (true) {
      const auto part = must(stream->next(240 * 1024));
      if (part.empty()) break;
      for (std::size_t at = 0; at < part.size(); at += 2052, ++records) {
        std::uint32_t number = 0;
        std::memcpy(&number, part.data() + at, sizeof number);
        REQUIRE(number != lock_page(2048));
        copy.seekp(static_cast<std::streamoff>(number - 1) * 2048);
        copy.write(part.data() + at + 4, 2048);
      }
    }
    CHECK(records == stream->pages() - 1);
  }
  Database copy = must(Database::open(directory.file("copy"), Database::Mode::kReadOnly));
  CHECK(must(copy.integer("SELECT count(*) FROM t")) == rows);
  auto check = must(copy.prepare("PRAGMA integrity_check(1)"));
  REQUIRE(must(check.step()));
  CHECK(check.bytes(0) == "ok");
}

}  // namespace minidfs::storage
