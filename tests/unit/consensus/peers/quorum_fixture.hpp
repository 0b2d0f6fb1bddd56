// Several logs in one process, over a network in memory, with directories on the disk and a state
// that can be copied. Waits are for conditions, and end in failure after a generous time.
#pragma once

#include <catch2/catch.hpp>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "consensus/log.hpp"
#include "fixture.hpp"
#include "peers/memory_network.hpp"

namespace minidfs::consensus::test {

// Looks again and again until it holds; fails the test when that takes too long.
void eventually(const std::string& what, const std::function<bool()>& holds);

// A database of commands, which survives the log and the crash of it. The reply to a command is how
// many there are with it.
class CopyableState final : public StateMachine {
 public:
  std::uint64_t applied() const override;
  Result<std::string> apply(std::uint64_t number, std::string_view command) override;
  Status commit_batch() override;
  Result<std::uint64_t> make_durable() override;
  Result<std::unique_ptr<StateCopy>> begin_copy() override;
  Status begin_intake() override;
  Status take_in(std::string_view piece) override;
  Status finish_intake() override;
  Status install() override;

  std::vector<std::string> commands() const;
  std::size_t installs() const;
  void fail_install(bool fails) { fail_install_ = fails; }
  // As long as it is held nothing of a copy is taken in.
  void hold_intake(bool holds) { hold_intake_ = holds; }
  // As of then, with so many commands.
  void go_back_to(std::size_t count);
  void fail_apply() { fail_apply_ = true; }

 private:
  using Commands = std::vector<std::pair<std::uint64_t, std::string>>;
  mutable std::mutex mutex_;
  Commands open_;  // Of the batch.
  Commands commands_;
  std::string intake_;
  std::optional<Commands> whole_;
  std::size_t installs_ = 0;
  std::atomic<bool> fail_install_{false};
  std::atomic<bool> hold_intake_{false};
  std::atomic<bool> fail_apply_{false};
};

// One namenode, as far as the log goes: its directory and database stay when the log is closed.
class Member {
 public:
  Member(MemoryNetwork& network, MemberId id);

  // Without `since` an empty directory begins a cluster of its own.
  void open(std::optional<Index> since = std::nullopt);
  Status try_open(std::optional<Index> since = std::nullopt);
  void close();

  MemberId id() const { return id_; }
  bool is_open() const { return log_ != nullptr; }
  Log& log() { return *log_; }
  CopyableState& state() { return *state_; }
  const std::string& directory() const { return directory_.path(); }
  bool leads() const { return log_ && log_->is_leader(); }
  Leading leading() const;
  std::vector<Leading> roles() const;
  std::vector<Error> fatal_errors() { return fatal_.errors(); }
  // Waits for the answer.
  Result<std::string> propose(const std::string& command);
  ReadAnswer read();
  ChangeAnswer change(const MembersChange& change);
  Status transfer(MemberId to);

  LogOptions options;

 private:
  MemoryNetwork& network_;
  MemberId id_;
  TemporaryDirectory directory_;
  std::unique_ptr<CopyableState> state_ = std::make_unique<CopyableState>();
  FatalErrors fatal_;
  std::unique_ptr<PeerLink> link_;
  struct Roles {
    std::mutex mutex;
    std::vector<Leading> all;
  };
  std::shared_ptr<Roles> roles_ = std::make_shared<Roles>();
  std::unique_ptr<Log> log_;
  std::unique_ptr<Proposer> proposer_;
};

class Quorum {
 public:
  // The first member is alone, the others join it one after the other.
  explicit Quorum(std::size_t count, const std::function<void(LogOptions&)>& change = {});
  ~Quorum();

  MemoryNetwork network;

  Member& member(std::size_t number) { return *members_.at(number); }
  std::size_t size() const { return members_.size(); }
  // An empty one; not yet open.
  Member& add();
  // Has it logged as a learner, whatever changes come before: the entry.
  Index admit(const Member& member, MemberId replaces = 0);
  // Then opens it, and waits until it is a voter.
  void join(Member& member, MemberId replaces = 0);
  // Of the members that the leader knows.
  std::size_t count(MemberRole role);
  // Waits until all of them are voters.
  void await_voters(std::size_t count);
  // Waits until one of those that are open leads, and the other ones follow it; `but` may differ.
  Member& await_leader(const Member* but = nullptr);
  Member& follower(std::size_t number);  // Of the present leader: 0, 1, …
  // Waits until all that are open hold the same commands, `count` of them.
  void await_commands(std::size_t count);
  void fill(const std::string& prefix, std::size_t count, std::size_t bytes = 20);

 private:
  std::function<void(LogOptions&)> change_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace minidfs::consensus::test
