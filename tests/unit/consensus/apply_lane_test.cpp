#include "consensus/apply_lane.hpp"

#include "fixture.hpp"

namespace minidfs::consensus::test {
namespace {

// Collects what is delivered.
class Deliveries {
 public:
  ApplyLane::Options options(std::uint64_t checkpoint_entries = 1'000'000) {
    return {checkpoint_entries, 1 << 30,
            [this](ChannelId, std::vector<Completion> completions) {
              const std::lock_guard lock(mutex_);
              for (auto& completion : completions) all_.push_back(std::move(completion));
            },
            [this] {
              const std::lock_guard lock(mutex_);
              changed_.notify_all();
            }};
  }
  template <class Condition>
  void wait_until(Condition condition) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, kDeadline, condition));
  }
  std::vector<Completion> all() {
    const std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Completion> all_;
};

std::vector<CommittedEntry> entries_from(Index first, Index count, std::size_t payload_bytes = 10) {
  std::vector<CommittedEntry> entries;
  for (auto index = first; index < first + count; ++index) {
    entries.push_back(
        {{index, 1, EntryKind::kCommand, std::string(payload_bytes, 'c')}, Waiter{0, index}});
  }
  return entries;
}

// Its batches end when they may.
class HeldState : public MemoryState {
 public:
  std::atomic<bool> held{true};
  Status commit_batch() override {
    held.wait(true);
    return MemoryState::commit_batch();
  }
  void release() {
    held = false;
    held.notify_all();
  }
};

}  // namespace

TEST_CASE("a lane says when enough waits for its state, and applies all of it in the end") {
  HeldState state;
  Deliveries deliveries;
  ApplyLane lane(state, deliveries.options());
  CHECK_FALSE(lane.is_full());
  Index given = 0;
  while (!lane.is_full()) {
    lane.give(entries_from(given + 1, 1, 1 << 20));
    REQUIRE(++given < 100);
  }
  CHECK(lane.applied() == 0);
  state.release();
  deliveries.wait_until([&] { return lane.applied() == given; });
  CHECK_FALSE(lane.is_full());
  lane.finish();
  CHECK(deliveries.all().size() == given);
}

TEST_CASE("answers leave in the order of the entries, refusals in their turn") {
  MemoryState state;
  Deliveries deliveries;
  ApplyLane lane(state, deliveries.options());
  lane.give(entries_from(1, 3));
  lane.refuse({{0, 4}}, Error{Errc::kTooLarge, "too large"});
  lane.finish();
  const auto all = deliveries.all();
  REQUIRE(all.size() == 4);
  for (std::uint64_t i = 0; i < 4; ++i) {
    CHECK(all[i].token == i + 1);
    CHECK(all[i].reply.ok() == (i < 3));
  }
}

TEST_CASE("a state that failed gets nothing more, and who waits is told that it is open") {
  MemoryState state;
  state.fail_at = 3;
  Deliveries deliveries;
  ApplyLane lane(state, deliveries.options());
  lane.give(entries_from(1, 5));
  deliveries.wait_until([&] { return lane.failure().has_value(); });
  CHECK(lane.failed());
  lane.give(entries_from(6, 2));
  lane.finish();
  const auto all = deliveries.all();
  REQUIRE(all.size() == 7);
  for (std::size_t i = 2; i < 7; ++i) CHECK(all[i].reply.error().code == Errc::kUnavailable);
  CHECK(state.calls_after_failure == 0);
}

TEST_CASE("the state is made durable after so many entries, and after a failure never again") {
  MemoryState state;
  Deliveries deliveries;
  ApplyLane lane(state, deliveries.options(10));
  lane.give(entries_from(1, 9));
  deliveries.wait_until([&] { return lane.applied() == 9; });
  CHECK(state.durable_calls == 0);
  lane.give(entries_from(10, 1));
  deliveries.wait_until([&] { return lane.durable() == 10; });
  CHECK(state.durable_calls == 1);
  state.fail_durable = true;
  lane.give(entries_from(11, 10));
  deliveries.wait_until([&] { return lane.failure().has_value(); });
  lane.give(entries_from(21, 10));
  lane.finish();
  CHECK(state.durable_calls == 2);
  CHECK(state.commands.size() == 20);
  CHECK(deliveries.all().back().reply.error().code == Errc::kUnavailable);
}

}  // namespace minidfs::consensus::test
