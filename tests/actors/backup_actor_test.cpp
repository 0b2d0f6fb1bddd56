// Who is given a copy of the namespace, and by whom.
#include "actors/backup_actor.hpp"

#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <catch2/catch.hpp>

#include "actors/leadership.hpp"
#include "actors/namenode_fixture.hpp"

namespace minidfs::actors::test {
namespace {

constexpr ClientId kReader{3, 4};

class Backups {
 public:
  Backups() {
    log_.apply_others(metadata::BeginLeadership{1, {9, 9}, 5, 77});
    auto parts = std::make_shared<BackupParts>();
    parts->log = &log_;
    parts->database_path = database_;
    parts->copy_path = directory_.file("backup.new");
    parts->version_file = [](metadata::LifeId) { return std::string("format=4\n"); };
    parts->lane = lane_;
    actor_ = system_.spawn(backup_actor, std::move(parts));
  }
  ~Backups() {
    self_->send_exit(actor_, caf::exit_reason::user_shutdown);
    scheduler_.run();
  }

  auto begin(std::uint64_t offset = 0) {
    REQUIRE(lane_->enter());
    auto handle = self_->request(actor_, caf::infinite, Patience{}, BackupRequest{kReader, offset});
    scheduler_.run();
    return handle;
  }
  template <class Handle>
  Result<BackupReply> end(Handle handle) {
    Result<BackupReply> result = Error{Errc::kInternal, "no answer"};
    leader.reset();
    handle.receive([&](BackupReply& reply) { result = std::move(reply); },
                   [&](const caf::error& error) {
                     leader = told_leader(error);
                     result = from_caf(error);
                   });
    return result;
  }
  Result<BackupReply> ask(std::uint64_t offset = 0) { return end(begin(offset)); }
  MemoryLog& log() { return log_; }
  void run() { scheduler_.run(); }

  std::optional<metadata::QuorumView> leader;  // As the last refusal named it.

 private:
  struct Config : caf::actor_system_config {
    Config() {
      actors::add_message_types(*this);
      set("scheduler.policy", caf::atom("testing"));
    }
  };

  minidfs::test::TemporaryDirectory directory_;
  const std::string database_ = directory_.file("namespace.db");
  std::unique_ptr<storage::NamespaceStore> store_ =
      storage::NamespaceStore::open(database_).value();
  NamespaceMachine machine_{*store_, {1, 2}};
  MemoryLog log_{machine_};
  RequestLanePtr lane_ = std::make_shared<RequestLane>(10);
  Config config_;
  caf::actor_system system_{config_};
  caf::scheduler::test_coordinator& scheduler_ =
      dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  caf::scoped_actor self_{system_};
  BackupActor actor_;
};

}  // namespace

TEST_CASE("a backup begins when it is certain that this namenode leads") {
  Backups backups;
  backups.log().hold_reads(true);
  auto asked = backups.begin();
  CHECK(backups.log().reads_asked() == 1);
  // Another one was elected meanwhile.
  backups.log().set_leader(7, MemoryLog::kOther);
  backups.log().hold_reads(false);
  backups.run();
  const auto refused = backups.end(std::move(asked));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::kNotLeader);
  REQUIRE(backups.leader.has_value());
  CHECK(backups.leader->leader == MemoryLog::kOther);
  CHECK(backups.ask().error().code == Errc::kNotLeader);

  backups.log().set_leader(8, MemoryLog::kSelf);
  REQUIRE(backups.ask().ok());
  const auto whole = backups.ask();
  REQUIRE(whole.ok());
  CHECK(whole->ready);
  CHECK(whole->bytes_total == whole->bytes.size());
}

TEST_CASE("a backup that has begun is read to its end whoever leads then") {
  Backups backups;
  REQUIRE(backups.ask().ok());
  backups.log().set_leader(7, MemoryLog::kOther);
  const auto whole = backups.ask();
  REQUIRE(whole.ok());
  CHECK(whole->ready);
  CHECK(backups.ask(whole->bytes.size()).ok());
}

TEST_CASE("whoever goes on with a backup that this namenode does not hold is told so") {
  Backups backups;
  CHECK(backups.ask(4096).error().code == Errc::kExpired);
}

}  // namespace minidfs::actors::test
