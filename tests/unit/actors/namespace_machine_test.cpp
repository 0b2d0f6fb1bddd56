#include "actors/namespace_machine.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "actors/namespace_digests.hpp"
#include "unit/storage/namespace/namespace_fixture.hpp"

using namespace minidfs;
using namespace minidfs::actors;
using storage::test::must;
using storage::test::NamespaceDirectory;
using storage::test::TestNamespace;

namespace {

constexpr std::uint64_t kMark = 0xABCD;

// A namenode's namespace under a log that batches in its own way.
struct Member {
  explicit Member(const std::string& path)
      : ns(path), digests(path), machine(ns.store(), ClusterId{0xC1, 0xC2}) {
    machine.set_marked([this](std::uint64_t mark) { digests.begin(mark); });
  }
  ~Member() { machine.set_marked(nullptr); }

  void apply(const std::vector<std::string>& entries, std::size_t batch) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      must(machine.apply(i + 1, entries[i]));
      if ((i + 1) % batch == 0) must(machine.commit_batch());
    }
    must(machine.commit_batch());
  }

  NamespaceDigests::Digest wait() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    auto digest = digests.find(kMark);
    while (digest.state == NamespaceDigests::State::kPending &&
           std::chrono::steady_clock::now() < until) {
      std::this_thread::yield();
      digest = digests.find(kMark);
    }
    return digest;
  }

  TestNamespace ns;
  NamespaceDigests digests;
  NamespaceMachine machine;
};

}  // namespace

TEST_CASE("all namenodes take the digest of one state, however their logs batch") {
  std::vector<std::string> entries;
  for (int i = 0; i < 60; ++i) {
    entries.push_back(metadata::encode_change(TestNamespace::mkdir("/d" + std::to_string(i))));
    if (i == 29) {
      entries.push_back(
          metadata::encode_change(metadata::Change{metadata::MarkNamespace{kMark}}, 5));
    }
  }
  const NamespaceDirectory directory;
  Member one(directory.file("one.db"));
  Member other(directory.file("other.db"));
  one.apply(entries, 7);
  other.apply(entries, 1000);
  const auto first = one.wait();
  const auto second = other.wait();
  CHECK(first.state == NamespaceDigests::State::kDone);
  CHECK(second.state == NamespaceDigests::State::kDone);
  CHECK(first.change == 31);
  CHECK(second.change == 31);
  CHECK(first.sum == second.sum);
}

TEST_CASE("a mark that was never applied is not known") {
  const NamespaceDirectory directory;
  const Member member(directory.file());
  CHECK(member.digests.find(kMark).state == NamespaceDigests::State::kUnknown);
}
