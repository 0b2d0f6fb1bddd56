// The actor behind NamenodeLink: owns every unanswered request and the connection's state.
//
//   no connection --(request waits)--> connecting --(connected)--> connected
//        ^                                |  ^                        |
//        |                                |  +--(back-off)--+         |
//        +--(nobody waits)----------------+---(failed)------+         |
//        +-----------------(connection closed, namenode not the leader, silent for a minute)
//
// A silent namenode may only be slow, or stopped for a while: its requests wait for their answers,
// up to their own time-outs. Changes wait for the id that the namenode numbers them under, which is
// asked for with the first of them. Every attempt has a number, so that no late answer can act for
// a later one. Requests of a lost connection are sent again over the next one. Internal to the
// link.
#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "actors/interfaces.hpp"
#include "client/link/control_connection.hpp"
#include "client/link/namenode_link.hpp"
#include "client/link/request_window.hpp"
#include "client/link/retry_schedule.hpp"

namespace minidfs::client {

class LinkOperation;

// The actor's messages. They never leave the process.
struct SubmitOperation {
  std::shared_ptr<LinkOperation> operation;
};
struct RepeatOperation {
  std::weak_ptr<LinkOperation> operation;
  std::uint32_t attempt = 0;
};
struct ConnectEnded {
  std::shared_ptr<Result<Connected>> result;
};
struct RunTask {
  std::function<void()> task;
};

// Told by the namenode when a connection is made; read by any thread.
class KnownCluster {
 public:
  void set(ClusterId cluster) {
    const std::lock_guard lock(mutex_);
    cluster_ = cluster;
  }
  ClusterId get() const {
    const std::lock_guard lock(mutex_);
    return cluster_;
  }

 private:
  mutable std::mutex mutex_;
  ClusterId cluster_;  // None until known.
};

struct LinkState {
  static constexpr const char* name = "namenode-link";

  LinkOptions options;
  std::shared_ptr<KnownCluster> cluster;
  caf::actor connector;
  actors::NamenodeActor namenode;  // None while there is no connection.
  std::uint64_t connection = 0;    // The number of the last one.
  bool connecting = false;         // Or waiting for the next attempt.
  bool replace = false;            // The last connection is suspected to be dead.
  bool answered = false;           // Anything came over this connection.
  bool ticking = false;
  std::size_t address = 0;            // Of the connection, or of the next attempt.
  std::size_t addresses_failed = 0;   // In turn since the last back-off.
  std::size_t addresses_refused = 0;  // Of them, with an error that stays.
  Backoff connect_backoff;
  std::string connect_problem;  // Of the last attempts.
  std::chrono::steady_clock::time_point last_answer;
  std::optional<RequestWindow> window;  // None until the namenode has given an id.
  bool asking_id = false;
  absl::flat_hash_map<LinkOperation*, std::shared_ptr<LinkOperation>> operations;
  std::minstd_rand random;
};

using LinkActor = caf::stateful_actor<LinkState>;

caf::behavior link_behavior(LinkActor* self, const LinkOptions& options, std::uint32_t seed,
                            std::shared_ptr<KnownCluster> cluster);

// Every unanswered request ends with kCancelled, then the actor ends.
void stop_link(const caf::actor& link);

// Called by operations when the namenode has answered.
void on_answered(LinkActor* self, const std::shared_ptr<LinkOperation>& operation);
// The namenode did nothing, because it cannot tell a first try from a later one any more.
void on_forgotten(LinkActor* self, const std::shared_ptr<LinkOperation>& operation);
void on_failed(LinkActor* self, const std::shared_ptr<LinkOperation>& operation,
               const caf::error& error);

}  // namespace minidfs::client

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::client::SubmitOperation)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::client::RepeatOperation)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::client::ConnectEnded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::client::RunTask)
