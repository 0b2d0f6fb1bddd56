// A namenode of the simulator: the real BlockManager, the real rules, and what the actors around
// them do in the product, in a few lines each.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/block_manager.hpp"
#include "metadata/block_identity.hpp"
#include "metadata/own_time.hpp"
#include "sim/whole/namenode_log.hpp"
#include "sim/whole/namespace_state.hpp"
#include "sim/whole/network.hpp"
#include "sim/whole/process.hpp"
#include "sim/whole/promises.hpp"

namespace minidfs::sim {

class Orders;

template <class Reply>
using Respond = std::function<void(Result<Reply>)>;

class SimNamenode {
 public:
  SimNamenode(World& world, Ledger& ledger, Orders& orders);

  Process& process() { return process_; }

  // --- Requests, as they arrive ---
  // For a client that numbers its requests.
  ClientId new_client();
  void allocate(actors::AllocateBlocks request, Respond<actors::WriteGrant> respond);
  void commit(actors::CommitWrite request, Respond<metadata::ChangeReply> respond);
  void stage(actors::StageWrite request, Respond<metadata::ChangeReply> respond);
  void change(metadata::Change change, Respond<metadata::ChangeReply> respond);
  Status renew(const actors::RenewSession& request);
  Status end_session(const actors::EndSession& request);
  void register_node(const actors::RegisterNode& request, Respond<actors::Registered> respond);
  Result<actors::HeartbeatReply> heartbeat(const actors::Heartbeat& request);
  void report(const actors::BlockReportPart& request, Respond<actors::Accepted> respond);
  // The blocks of a file with their locations; kNotFound without the file.
  Result<std::vector<metadata::LocatedBlock>> locate(const std::string& path);
  // `closed` is told when this process has gone, as the kernel tells the other end.
  void on_gone(std::function<void()> closed) { gone_.push_back(std::move(closed)); }

  // --- Faults ---
  void start();
  void kill();
  void take_copy();
  bool has_copy() const { return copy_.has_value(); }
  // The namenode, which does not run, goes back to the copy.
  void restore_copy();
  void jump_clock(std::int64_t by_ms) { wall_offset_ms_ += by_ms; }
  void slow_log(bool slow) { log_.slow(slow); }
  // A transaction of the database will fail, upon which the process ends and `failed` is told.
  void fail_store() { log_.fail_store(); }
  void on_failed(std::function<void()> failed) { failed_ = std::move(failed); }

  // --- What checkers look at ---
  NamespaceState& state() { return log_.state(); }
  bool safe_mode() { return manager_->refusal().has_value(); }
  // Whether it sends readers of the block to the node.
  bool reads_from(const metadata::Block& block, Place node);
  void leave_safe_mode() { manager_->safe_mode().leave(); }
  actors::StatusReply status();
  std::vector<actors::BlockProblem> problems() const;

 private:
  struct WaitingCommit {
    actors::CommitWrite request;
    metadata::Change change;
    TimePoint asked_at{};
    Respond<metadata::ChangeReply> respond;
  };
  void try_commit(WaitingCommit commit);
  void take_effects(const NamespaceEffects& effects);
  void reserve_ids();
  void ids_reserved(metadata::BlockMark mark);
  void retire();
  void drop_staged();
  metadata::BlockMark some_mark();
  void expect_operator();
  void accept();
  actors::Office begin_leadership();
  void store_failed();
  void tick();
  std::int64_t wall_ms() const;
  void ask_owners(const std::vector<BlockId>& ids, actors::OwnersAnswer answer);
  // Its own time: it may be suspended.
  TimePoint now() const { return own_time_.read(world_.now()); }

  World& world_;
  Ledger& ledger_;
  Orders& orders_;
  Process process_;
  mutable metadata::OwnTime own_time_{std::chrono::milliseconds{500}};  // Two ticks.
  std::unique_ptr<actors::BlockManager> manager_;
  SimLog log_;
  Promises promises_;
  std::function<void()> failed_;
  std::optional<NamespaceState> copy_;
  bool went_back_ = false;  // To a copy, ever.
  bool operator_called_ = false;
  std::int64_t wall_offset_ms_ = 0;
  std::vector<std::function<void()>> gone_;
  struct Waiting {
    actors::AllocateBlocks request;
    Respond<actors::WriteGrant> respond;
  };
  std::vector<Waiting> waiting_;  // For block ids.
  std::vector<WaitingCommit> unproven_;
};

}  // namespace minidfs::sim
