// A namenode's actors, its real namespace in a temporary directory and a log in memory, driven step
// by step: nothing runs between two calls, and time moves only by advance().
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/namespace_actor.hpp"
#include "actors/namespace_machine.hpp"
#include "actors/owner_actor.hpp"
#include "actors/quorum_actor.hpp"
#include "actors/request_switch.hpp"
#include "storage/namespace/namespace_store.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::actors::test {

// Applies what is proposed when it is told to, in order. Leads, as if it were alone, until it is
// told otherwise.
class MemoryLog final : public consensus::Log {
 public:
  static constexpr consensus::MemberId kSelf = 1;

  explicit MemoryLog(consensus::StateMachine& state) : state_(state) {}

  consensus::ChannelId add_channel(consensus::CompletionSink sink) override;
  using Log::propose;
  void propose(consensus::ChannelId channel, std::uint64_t token, std::string command,
               consensus::Room room) override;
  consensus::MemberId self() const override { return kSelf; }
  bool is_leader() const override { return leading_.standing == consensus::Standing::kLeader; }
  std::chrono::milliseconds silent_for() const override { return silent_; }
  void say_silent_for(std::chrono::milliseconds time) { silent_ = time; }
  void add_role_sink(consensus::RoleSink sink) override;
  void read_index(consensus::ReadSink sink) override;
  std::optional<std::chrono::milliseconds> staleness() const override { return staleness_; }
  InterfaceVersion known_by_all() const override { return known_by_all_; }
  void set_known_by_all(InterfaceVersion version) { known_by_all_ = version; }
  void set_staleness(std::optional<std::chrono::milliseconds> age) { staleness_ = age; }
  consensus::Index applied() const override { return state_.applied(); }
  consensus::QuorumStatus quorum() const override;
  void change_members(consensus::MembersChange, consensus::ChangeSink sink) override {
    sink({Error{Errc::kUnsupported, "a log in memory"}, {}});
  }
  void transfer(consensus::MemberId, consensus::TransferSink sink) override {
    sink(Error{Errc::kUnsupported, "a log in memory"});
  }

  // Who leads from now on: this one, another one (which is kOther), or nobody (0).
  static constexpr consensus::MemberId kOther = 2;
  void set_leader(consensus::Term term, consensus::MemberId leader);
  // Confirmations wait until they are no more held.
  void hold_reads(bool held);
  std::size_t reads_asked() const { return reads_asked_; }  // Since the beginning.
  // What is proposed meanwhile is on its way for long, whoever leads: it is applied when released.
  void hold_proposals(bool held) { holds_proposals_ = held; }
  void release_first();
  std::size_t held() const { return held_.size(); }
  // What another one has logged.
  void apply_others(const metadata::Change& change);
  consensus::Room last_room() const { return last_room_; }

  // Whether there was anything to apply.
  bool apply_all();
  // The next `count` PurgeRemoved are answered with kNoSpace and have no effect.
  void refuse_purges(std::size_t count) { refuse_purges_ = count; }
  std::size_t proposed() const { return proposed_; }  // Since the beginning.
  // Of the commands.
  std::size_t largest_bytes() const { return largest_bytes_; }

 private:
  struct Proposal {
    consensus::ChannelId channel = 0;
    std::uint64_t token = 0;
    std::string command;
  };
  consensus::ReadAnswer read_answer() const;

  consensus::StateMachine& state_;
  consensus::Leading leading_{consensus::Standing::kLeader, 1, {kSelf, {}}};
  std::vector<consensus::RoleSink> role_sinks_;
  bool holds_reads_ = false;
  std::vector<consensus::ReadSink> held_reads_;
  std::size_t reads_asked_ = 0;
  consensus::Room last_room_ = consensus::Room::kFree;
  std::chrono::milliseconds silent_{0};
  std::optional<std::chrono::milliseconds> staleness_;
  InterfaceVersion known_by_all_ = own_versions().newest;
  std::vector<consensus::CompletionSink> sinks_;
  std::vector<Proposal> proposals_;
  bool holds_proposals_ = false;
  std::deque<Proposal> held_;
  std::size_t refuse_purges_ = 0;
  std::size_t proposed_ = 0;
  std::size_t largest_bytes_ = 0;
};

inline constexpr ClientId kClient{3, 4};  // That writes.

class NamenodeFixture {
 public:
  // Leads, by the options' epoch, and grants blocks of the mark; 0: of one that it reserves.
  explicit NamenodeFixture(BlockManagerOptions options = default_options(),
                           metadata::BlockMark mark = 0);
  // Follows the log's kOther in term 5, and takes over when the log says so.
  struct Follows {};
  explicit NamenodeFixture(Follows follows, BlockManagerOptions options = default_options());
  ~NamenodeFixture();

  static BlockManagerOptions default_options();
  // Those, with graces of sessions and of nobody's blocks that a test can let pass.
  static BlockManagerOptions short_grace();

  // The answer to a request, or the error.
  template <class Reply, class Request>
  Result<Reply> ask(Request request) {
    return ask_within<Reply>(Patience{}, std::move(request));
  }
  template <class Reply, class Request>
  Result<Reply> ask_within(const Patience& patience, Request request) {
    auto handle = begin_within<Reply>(patience, std::move(request));
    std::optional<Result<Reply>> result;
    handle.receive([&](Reply& reply) { result = std::move(reply); },
                   [&](const caf::error& error) { result = from_caf(error); });
    return std::move(*result);
  }

  // The same in two steps; with `run` false nothing runs yet, not even the handler.
  template <class Reply, class Request>
  auto begin(Request request, bool run = true) {
    return begin_within<Reply>(Patience{}, std::move(request), run);
  }
  // Of a client that waits only so long.
  template <class Reply, class Request>
  auto begin_within(const Patience& patience, Request request, bool run = true) {
    constexpr bool kOfNode = std::is_same_v<Request, RegisterNode> ||
                             std::is_same_v<Request, Heartbeat> ||
                             std::is_same_v<Request, BlockReportPart> ||
                             std::is_same_v<Request, Goodbye> || std::is_same_v<Request, WhoLeads>;
    if constexpr (kOfNode) {
      auto handle = self_->request(namenode_, caf::infinite, std::move(request));
      if (run) settle();
      return handle;
    } else if constexpr (std::is_same_v<Request, AnnounceHttp>) {
      auto handle = self_->request(caf::actor_cast<ServedByBlocks2>(switch_), caf::infinite,
                                   std::move(request));
      if (run) settle();
      return handle;
    } else if constexpr (IsAdded<Request>) {
      using Server = typename AddedRequest<Request>::Server;
      auto handle = self_->request(caf::actor_cast<Server>(switch_), caf::infinite, patience,
                                   std::move(request));
      if (run) settle();
      return handle;
    } else {
      auto handle = self_->request(namenode_, caf::infinite, patience, std::move(request));
      if (run) settle();
      return handle;
    }
  }
  template <class Reply, class Handle>
  Result<Reply> end(Handle& handle) {
    std::optional<Result<Reply>> result;
    handle.receive([&](Reply& reply) { result = std::move(reply); },
                   [&](const caf::error& error) { result = from_caf(error); });
    return std::move(*result);
  }

  // A message that is no request of the interface; whether it was answered without an error.
  template <class Message>
  bool ask_raw(Message message) {
    auto handle =
        self_->request(caf::actor_cast<caf::actor>(switch_), caf::infinite, std::move(message));
    settle();
    bool answered = false;
    handle.receive([&](const caf::message&) { answered = true; }, [](const caf::error&) {});
    return answered;
  }
  // Of a client whose connection goes while the request waits.
  template <class Request>
  void ask_and_go(Request request) {
    {
      caf::scoped_actor gone{system_};
      gone->request(namenode_, caf::infinite, Patience{}, std::move(request));
    }
    settle();
  }
  // As anybody on the network might, to end the actor.
  void send_exit();
  // As anybody on the network might: an answer, without a question.
  template <class Message>
  void send_answer(Message message) {
    switch_->enqueue(nullptr, caf::message_id{1}.response_id(),
                     caf::make_message(std::move(message)), nullptr);
    settle();
  }

  // Runs every actor and the log until nothing is left to do.
  void settle();
  // The same without the log: what was proposed stays there.
  void run_actors() { scheduler_.run(); }
  // Lets one actor take one step; false when none has anything to do.
  bool run_once() { return scheduler_.try_run_once(); }
  void advance(std::chrono::milliseconds time);
  // The process is stopped for so long: no timer runs, then all that were due.
  void stand_still(std::chrono::milliseconds time);
  metadata::TimePoint now() const;
  const NamenodeLanes& lanes() const { return lanes_; }
  // Forgets all soft state, as a restart of the process does; the namespace stays. With `run` false
  // nothing of the new process has run yet, so that what is begun next comes first.
  void restart(bool run = true);

  // A datanode that registers and reports `replicas` in full.
  RegisterNode node(std::uint64_t number) const;
  void join(std::uint64_t number, std::vector<metadata::Block> replicas = {});
  HeartbeatReply beat(std::uint64_t number, metadata::IncrementalReport changes = {},
                      ScrubState scrub = {});
  // Allocates, and commits with the replicas on all targets; returns the first block.
  metadata::Block put(const std::string& path, std::uint32_t blocks = 1);
  StatusReply status();
  // The database answers the block actor's questions about its counters no more, until false.
  void hang_database(bool hangs);
  // Whether those who ask count as having been admitted as clients.
  void take_senders_for_clients(bool clients) { senders_are_clients_ = clients; }
  // The block actor is told that another namespace has taken the place of this one.
  void replace_namespace();
  MemoryLog& log() { return *log_; }
  // Of one message with effects to the block actor, since the beginning.
  std::size_t most_effects() const { return most_effects_; }

 private:
  std::shared_ptr<storage::NamespaceReader> reader();
  void open();
  void spawn();
  void stop();

  struct Config : caf::actor_system_config {
    Config();
  };
  minidfs::test::TemporaryDirectory directory_;
  BlockManagerOptions options_;
  metadata::BlockMark mark_ = 0;
  bool follows_ = false;
  std::unique_ptr<storage::NamespaceStore> store_;
  std::unique_ptr<NamespaceMachine> machine_;
  std::unique_ptr<MemoryLog> log_;
  std::size_t most_effects_ = 0;
  Config config_;
  caf::actor_system system_{config_};
  caf::scheduler::test_coordinator& scheduler_;
  caf::scoped_actor self_{system_};
  NamenodeLanes lanes_;
  struct Hanging {
    bool hangs = false;
    std::vector<std::function<void()>> questions;
  };
  static OwnerActor::behavior_type gate_actor(OwnerActor::pointer self, OwnerActor owners,
                                              std::shared_ptr<Hanging> hanging);
  std::shared_ptr<Hanging> hanging_ = std::make_shared<Hanging>();
  bool senders_are_clients_ = false;
  OwnerActor owners_;
  OwnerActor gate_;  // In front of it.
  BlockActor blocks_;
  NamespaceActor names_;
  QuorumActor quorum_;  // Of one that follows first.
  caf::strong_actor_ptr switch_;
  NamenodeActor namenode_;  // The same.
};

}  // namespace minidfs::actors::test
