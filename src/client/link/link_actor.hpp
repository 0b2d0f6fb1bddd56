// The actor behind NamenodeLink: owns every unanswered request and the connections. Which of these
// the requests go to, and when another one is made, is decided by LeaderSearch; this shell dials,
// asks, and sends the requests again that have no answer when another namenode is to have them.
//
// Requests wait while no namenode is used, and for their answers, up to their own time-outs.
// Changes wait for the id that the namenode numbers them under, which is asked for with the first
// of them. Every attempt has a number, so that no late answer can act for a later one. Internal to
// the link.
#pragma once

#include <atomic>
#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "actors/interfaces.hpp"
#include "client/link/control_connection.hpp"
#include "client/link/leader_search.hpp"
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
struct DialEnded {
  std::uint64_t connection = 0;
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
  std::optional<LeaderSearch> search;
  std::optional<LeaderSearch::TimePoint> wake_at;  // When it is looked whether the search is due.
  std::uint64_t wake_number = 0;
  // Each dials one address at a time, and blocks meanwhile.
  std::map<metadata::Endpoint, caf::actor> connectors;
  std::shared_ptr<std::atomic<bool>> stopped = std::make_shared<std::atomic<bool>>(false);
  std::map<std::uint64_t, Connected> connections;  // By their numbers.
  std::optional<Connected> namenode;               // The one in use, if any.
  std::uint64_t used = 0;                          // Its number.
  bool ticking = false;
  std::optional<RequestWindow> window;  // None until the namenode has given an id.
  bool asking_id = false;
  absl::flat_hash_map<LinkOperation*, std::shared_ptr<LinkOperation>> operations;
  std::size_t sent = 0;  // Operations that wait for an answer.
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
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::client::DialOrder)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::client::DialEnded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::client::RunTask)
