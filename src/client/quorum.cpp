#include "client/quorum.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/random_id.hpp"
#include "base/units.hpp"
#include "client/client_context.hpp"
#include "client/namenode_calls.hpp"
#include "client/polling.hpp"
#include "client/quorum_views.hpp"

namespace minidfs::client {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kQuorumPoll{50};
// For so long one that leads is looked for: several elections.
constexpr std::chrono::milliseconds kElectionPatience{3000};

const Namenode* find(const Quorum& quorum, std::uint64_t id) {
  const auto found = std::find_if(quorum.members.begin(), quorum.members.end(),
                                  [&](const Namenode& each) { return each.id == id; });
  return found == quorum.members.end() ? nullptr : &*found;
}

// So that a request that is repeated asks for the same.
Result<std::uint64_t> successor(const Quorum& quorum) {
  const Namenode* best = nullptr;
  for (const auto& each : quorum.members) {
    if (!each.voter || each.state != "follower") continue;
    if (best == nullptr || each.lag < best->lag) best = &each;
  }
  if (best != nullptr) return best->id;
  return Error{Errc::kUnavailable, "there is no other voter in reach that could lead"};
}

// As the one that leads tells it; zero: as long as for any answer.
Result<Quorum> led_quorum(ClientContext& context, std::chrono::milliseconds timeout = {}) {
  MDFS_TRY(const auto reply, context.link.call(actors::QuorumRequest{}, timeout));
  return quorum_of(reply);
}

bool may_lack_leader(Errc code) {
  return code == Errc::kUnavailable || code == Errc::kTimedOut || code == Errc::kNotLeader;
}

// Asks each namenode itself, whoever leads.
class DigestReader {
 public:
  DigestReader(ClientContext& context, ClusterId cluster, std::uint64_t mark)
      : context_(context), calls_(cluster, context.options.credentials), mark_(mark) {}

  NamenodeDigest read(const Namenode& namenode) {
    NamenodeDigest digest{namenode, 0, 0, {}};
    const auto done = wait(digest);
    if (!done.ok()) digest.problem = done.error().message;
    return digest;
  }

 private:
  Status wait(NamenodeDigest& digest) {
    const auto patience = context_.options.timeout;
    auto until = Clock::now() + patience;
    return poll_until(kQuorumPoll, [&]() -> Result<bool> {
      auto reply = ask(digest.namenode);
      if (reply.ok() && reply->state == "done") {
        digest.change = reply->change;
        digest.digest = reply->digest;
        return true;
      }
      if (reply.ok() && reply->state == "failed") return Error{Errc::kIoError, reply->problem};
      // One that is at it may take as long as it likes.
      if (reply.ok() && reply->state == "pending") until = Clock::now() + patience;
      if (Clock::now() < until) return false;
      if (!reply.ok()) return std::move(reply).error();
      return Error{Errc::kTimedOut, "it has not come to the change within " +
                                        format_duration(context_.options.timeout)};
    });
  }

  Result<actors::DigestReply> ask(const Namenode& namenode) {
    MDFS_TRY(auto reply,
             calls_.ask<actors::DigestReply>(namenode.address, actors::DigestRequest{mark_},
                                             context_.options.connect_timeout));
    if (reply.self != namenode.id) {
      return Error{Errc::kUnavailable, namenode.address + ": is member " + hex_64(reply.self)};
    }
    return reply;
  }

  ClientContext& context_;
  NamenodeCalls calls_;
  const std::uint64_t mark_;
};

}  // namespace

std::size_t Quorum::voters() const {
  return static_cast<std::size_t>(std::count_if(members.begin(), members.end(),
                                                [](const Namenode& each) { return each.voter; }));
}

std::size_t Quorum::answering() const {
  return static_cast<std::size_t>(std::count_if(
      members.begin(), members.end(),
      [](const Namenode& each) { return each.voter && each.state != "unreachable"; }));
}

std::size_t Quorum::spare() const {
  const auto alive = answering();
  return alive > majority() ? alive - majority() : 0;
}

Result<Quorum> quorum(ClientContext& context) {
  const auto timeout = context.options.timeout;
  const auto until = Clock::now() + timeout;
  const auto patience = std::clamp(timeout / 2, std::chrono::milliseconds(1), kElectionPatience);
  auto led = led_quorum(context, patience);
  if (led.ok() || !may_lack_leader(led.error().code)) return led;
  if (const auto views = views_of_all(context, until); !views.empty()) return put_together(views);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
  return left.count() > 0 ? led_quorum(context, left) : led;
}

Status transfer_leadership(ClientContext& context, std::uint64_t member) {
  if (member == 0) {
    MDFS_TRY(const auto now, led_quorum(context));
    MDFS_TRY(member, successor(now));
  }
  MDFS_CHECK(context.link.call(actors::TransferLeadership{member}));
  return {};
}

Status remove_namenode(ClientContext& context, std::uint64_t member) {
  MDFS_TRY(const auto now, led_quorum(context));
  const Error unknown{Errc::kNotFound, "no namenode has the id " + hex_64(member)};
  if (find(now, member) == nullptr) return unknown;
  const auto removed = context.link.call(actors::RemoveNamenode{member});
  // An earlier try has done it.
  if (removed.ok() || removed.error().code == Errc::kNotFound) return {};
  return removed.error();
}

Result<std::vector<NamenodeDigest>> digest_namenodes(ClientContext& context) {
  MDFS_TRY(const auto cluster, context.link.cluster());
  MDFS_TRY(const auto now, led_quorum(context));
  MDFS_TRY(const auto marked, context.link.call(actors::MarkForDigests{}));
  DigestReader reader(context, cluster, marked.mark);
  std::vector<NamenodeDigest> digests;
  for (const auto& each : now.members) digests.push_back(reader.read(each));
  return digests;
}

}  // namespace minidfs::client
