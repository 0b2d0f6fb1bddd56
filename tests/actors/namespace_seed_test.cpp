// A namenode that joins is given the namespace: the real log and the real database of both, over a
// network in memory.
#include <atomic>
#include <filesystem>
#include <future>

#include "actors/namespace_machine.hpp"
#include "fixture.hpp"
#include "metadata/changes.hpp"
#include "peers/memory_network.hpp"
#include "peers/quorum_fixture.hpp"

namespace minidfs::actors::test {
namespace {

using consensus::test::eventually;

constexpr ClusterId kCluster{5, 6};
constexpr std::uint8_t kSeedDone = 37;

// What a namenode has, but for its actors.
class Namenode {
 public:
  explicit Namenode(consensus::test::MemoryNetwork& network, ClusterId cluster = kCluster)
      : link_(network.make_link(own_versions().newest)), cluster_(cluster) {
    open_store();
    options.directory = directory_.file("raft");
    std::filesystem::create_directory(options.directory);
    options.free_space_min_bytes = 0;
    options.segment_bytes = 64 << 10;
    options.kept_bytes_max = 0;
    options.checkpoint_entries = 50;
    options.link = link_.get();
  }
  ~Namenode() { log_.reset(); }

  void open(std::optional<consensus::Joining> joining = std::nullopt) {
    options.joining = joining;
    log_ = consensus::test::open_log(options, *machine_);
  }
  void open_store() {
    reader_.reset();
    machine_.reset();
    store_.reset();
    store_ = value(storage::NamespaceStore::open(directory_.file("namespace.db")));
    machine_ = std::make_unique<NamespaceMachine>(*store_, cluster_);
    machine_->set_sink([this](NamespaceEffects effects) {
      const std::lock_guard lock(mutex_);
      effects_.push_back(std::move(effects));
    });
    reader_ = value(store_->open_reader());
  }
  void close() { log_.reset(); }

  template <class T>
  static T value(Result<T> result) {
    if (!result.ok()) FAIL(result.error().message);
    return std::move(result).value();
  }

  void make_directories(const std::string& prefix, int count) {
    consensus::test::Proposer proposer(*log_);
    for (int i = 0; i < count; ++i) {
      const auto path = "/" + prefix + std::to_string(i) + std::string(200, 'x');
      proposer.propose(metadata::encode_change(
          metadata::MakeDirectory{{}, 10, path, false, 0755, "ann", "staff"}, 0));
    }
    proposer.wait_for(static_cast<std::size_t>(count));
    for (const auto& answer : proposer.answers()) REQUIRE(answer.reply.ok());
  }
  std::uint64_t directories() { return value(reader_->counters()).directories; }
  std::uint64_t applied() { return value(reader_->applied()); }
  std::vector<NamespaceEffects> effects() {
    const std::lock_guard lock(mutex_);
    return effects_;
  }
  consensus::Log& log() { return *log_; }

  consensus::LogOptions options;

 private:
  minidfs::test::TemporaryDirectory directory_;
  std::unique_ptr<consensus::PeerLink> link_;
  ClusterId cluster_;
  std::unique_ptr<storage::NamespaceStore> store_;
  std::unique_ptr<storage::NamespaceReader> reader_;
  std::unique_ptr<NamespaceMachine> machine_;
  std::mutex mutex_;
  std::vector<NamespaceEffects> effects_;
  std::unique_ptr<consensus::Log> log_;
};

consensus::Index add_learner(Namenode& leader, consensus::MemberId member) {
  std::promise<consensus::ChangeAnswer> answer;
  auto told = answer.get_future();
  leader.log().change_members(consensus::AddLearner{{member, "second:8021"}, 0},
                              [&](auto given) { answer.set_value(std::move(given)); });
  return Namenode::value(told.get().index);
}

bool is_voter(Namenode& of, consensus::MemberId member) {
  for (const auto& each : of.log().quorum().members) {
    if (each.member.id == member) return each.role == consensus::MemberRole::kVoter;
  }
  return false;
}

}  // namespace

TEST_CASE("A namenode that joins is given the namespace, and goes on with it") {
  consensus::test::MemoryNetwork network;
  Namenode first(network);
  first.open();
  first.make_directories("a", 2000);
  Namenode second(network);
  second.open(consensus::Joining{77, add_learner(first, 77)});
  first.make_directories("b", 200);
  eventually("it is a voter", [&] { return is_voter(first, 77); });
  first.make_directories("c", 100);
  eventually("it has everything", [&] { return second.applied() == first.applied(); });
  CHECK(second.directories() == 2301);

  // Nothing is told of what the copy held, and all of what came after it.
  std::size_t replaced = 0;
  std::uint64_t told = 0;
  for (const auto& effects : second.effects()) {
    if (effects.replaced) {
      ++replaced;
      CHECK(effects.blocks.empty());
    }
    CHECK(effects.applied >= told);
    told = effects.applied;
  }
  CHECK(replaced == 1);

  second.close();
  second.open_store();
  CHECK(second.directories() == 2301);
  second.open();
  first.make_directories("d", 10);
  eventually("it follows again", [&] { return second.directories() == 2311; });
}

TEST_CASE("A namenode of another cluster is not given the namespace") {
  consensus::test::MemoryNetwork network;
  Namenode first(network);
  first.open();
  first.make_directories("a", 500);
  std::atomic<int> refusals{0};
  network.set_filter([&](consensus::MemberId from, consensus::MemberId, const std::string& bytes) {
    if (from == 77 && static_cast<std::uint8_t>(bytes.front()) == kSeedDone) ++refusals;
    return true;
  });
  Namenode second(network, ClusterId{9, 9});
  second.open(consensus::Joining{77, add_learner(first, 77)});
  eventually("it refuses what it is given, twice", [&] { return refusals > 1; });
  CHECK(second.directories() == 1);
  CHECK_FALSE(is_voter(first, 77));
  first.make_directories("b", 10);
}

}  // namespace minidfs::actors::test
