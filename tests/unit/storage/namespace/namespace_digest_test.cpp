// Digests of whole namespaces.
#include "storage/namespace/namespace_digest.hpp"

#include "unit/metadata/namespace_model.hpp"
#include "unit/storage/namespace/namespace_fixture.hpp"

namespace minidfs::storage {
namespace {

using test::must;
using test::NamespaceDirectory;
using test::TestNamespace;

Checksum compute(NamespaceDigest& digest) {
  const std::atomic<bool> cancelled{false};
  return must(digest.compute(cancelled));
}

Checksum digest_of(const std::string& path) {
  auto digest = must(NamespaceDigest::begin(path));
  return compute(*digest);
}

}  // namespace

TEST_CASE("Namespaces with the same changes have one digest, however they were committed") {
  const NamespaceDirectory directory;
  TestNamespace one(directory.file("one.db"));
  TestNamespace other(directory.file("other.db"));
  metadata::test::RandomChanges changes(3, true);
  for (int i = 0; i < 2000; ++i) {
    const auto entry = metadata::encode_change(changes.next(), 1000 + i);
    one.apply_entry(entry);
    must(one.store().commit_batch());
    other.apply_entry(entry);
    if (i % 57 != 0) continue;
    must(other.store().commit_batch());
    if (i % 5 == 0) other.reopen();
    CHECK(digest_of(directory.file("one.db")) == digest_of(directory.file("other.db")));
  }
}

TEST_CASE("A digest shows the smallest difference") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(TestNamespace::mkdir("/d"));
  const auto before = digest_of(directory.file());
  CHECK(digest_of(directory.file()) == before);
  ns.run(metadata::SetAttributes{{}, 12, {{"/d", 0700}}});
  CHECK(digest_of(directory.file()) != before);
}

TEST_CASE("A digest is of the moment of its beginning, whatever is changed meanwhile") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  for (int i = 0; i < 100; ++i) ns.run(TestNamespace::mkdir("/d" + std::to_string(i)));
  auto digest = must(NamespaceDigest::begin(directory.file()));
  CHECK(digest->number() == ns.store().applied());
  const auto expected = digest_of(directory.file());
  for (int i = 0; i < 100; ++i) ns.run(TestNamespace::remove("/d" + std::to_string(i)));
  must(ns.store().make_durable());
  CHECK(compute(*digest) == expected);
  CHECK(digest_of(directory.file()) != expected);
}

TEST_CASE("A digest that is given up says so") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  auto digest = must(NamespaceDigest::begin(directory.file()));
  const std::atomic<bool> cancelled{true};
  const auto sum = digest->compute(cancelled);
  REQUIRE_FALSE(sum.ok());
  CHECK(sum.error().code == Errc::kCancelled);
}

}  // namespace minidfs::storage
