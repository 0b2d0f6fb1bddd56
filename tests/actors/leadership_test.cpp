#include "actors/leadership.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "actors/namespace_machine.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::actors {
namespace {

constexpr std::chrono::seconds kPatience{60};

// A namenode's directory, its database and its real log.
class Namenode {
 public:
  Namenode() { std::filesystem::create_directory(directory_.file("raft")); }
  Namenode(const Namenode&) = delete;
  Namenode& operator=(const Namenode&) = delete;
  ~Namenode() { stop(); }

  Result<Leadership> start(std::uint64_t free_space_min_bytes = 0) {
    auto store = storage::NamespaceStore::open(directory_.file("namespace.db"));
    REQUIRE(store.ok());
    store_ = std::move(store).value();
    machine_ = std::make_unique<NamespaceMachine>(*store_);
    consensus::LogOptions options;
    options.directory = directory_.file("raft");
    options.free_space_min_bytes = free_space_min_bytes;
    auto log = consensus::Log::open(options, *machine_, [](const Error&) {});
    REQUIRE(log.ok());
    log_ = std::move(log).value();
    auto reader = store_->open_reader();
    REQUIRE(reader.ok());
    return begin_leadership(*log_, **reader, kPatience);
  }
  void stop() {
    log_.reset();
    machine_.reset();
    store_.reset();
  }

 private:
  minidfs::test::TemporaryDirectory directory_;
  std::unique_ptr<storage::NamespaceStore> store_;
  std::unique_ptr<NamespaceMachine> machine_;
  std::unique_ptr<consensus::Log> log_;
};

TEST_CASE("each start is a leadership of its own in the same life, with another mark") {
  Namenode namenode;
  const auto first = namenode.start();
  REQUIRE(first.ok());
  CHECK_FALSE(first->epoch.life.is_none());
  CHECK(first->epoch.leadership == 1);
  CHECK(first->mark != 0);
  namenode.stop();
  const auto second = namenode.start();
  REQUIRE(second.ok());
  CHECK(second->epoch.follows(first->epoch));
  CHECK(second->mark != first->mark);
}

TEST_CASE("a leadership begins although the disk is nearly full") {
  Namenode namenode;
  CHECK(namenode.start(std::uint64_t{1} << 62).ok());
}

}  // namespace
}  // namespace minidfs::actors
