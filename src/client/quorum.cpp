#include "client/quorum.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <utility>

#include "actors/control_plane.hpp"
#include "actors/interfaces.hpp"
#include "actors/system_config.hpp"
#include "base/random_id.hpp"
#include "base/units.hpp"
#include "client/client_context.hpp"
#include "client/polling.hpp"

namespace minidfs::client {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPoll{50};

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

struct DigestSystemConfig : actors::ControlSystemConfig {
  DigestSystemConfig() { add_message_types<caf::id_block::minidfs>(); }
};

// Asks each namenode itself, whoever leads.
class DigestReader {
 public:
  DigestReader(ClientContext& context, ClusterId cluster, std::uint64_t mark)
      : context_(context), cluster_(cluster), mark_(mark) {}

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
    return poll_until(kPoll, [&]() -> Result<bool> {
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
    MDFS_TRY(const auto where, parse_host_port(namenode.address, std::nullopt));
    actors::ConnectOptions connecting;
    connecting.cluster = cluster_;
    connecting.timeout = context_.options.connect_timeout;
    connecting.credentials = context_.options.credentials;
    MDFS_TRY(auto connection, actors::connect_control<actors::ServedByMembers>(
                                  system_, where.host, where.port, connecting));
    Result<actors::DigestReply> result = Error{Errc::kInternal, "no answer"};
    const auto patience = context_.options.connect_timeout;
    self_
        ->request(connection.handle, patience, actors::Patience{Clock::now() + patience},
                  actors::DigestRequest{mark_})
        .receive([&](actors::DigestReply& reply) { result = std::move(reply); },
                 [&](const caf::error& error) { result = actors::from_caf(error); });
    if (result.ok() && result->self != namenode.id) {
      return Error{Errc::kUnavailable, namenode.address + ": is member " + hex_64(result->self)};
    }
    return result;
  }

  ClientContext& context_;
  const ClusterId cluster_;
  const std::uint64_t mark_;
  DigestSystemConfig config_;
  caf::actor_system system_{config_};
  caf::scoped_actor self_{system_};
};

}  // namespace

std::size_t Quorum::voters() const {
  return static_cast<std::size_t>(std::count_if(members.begin(), members.end(),
                                                [](const Namenode& each) { return each.voter; }));
}

std::size_t Quorum::spare() const {
  const auto alive =
      static_cast<std::size_t>(std::count_if(members.begin(), members.end(), [](const auto& each) {
        return each.voter && each.state != "unreachable";
      }));
  const auto majority = voters() / 2 + 1;
  return alive > majority ? alive - majority : 0;
}

Result<Quorum> quorum(ClientContext& context) {
  MDFS_TRY(auto reply, context.link.call(actors::QuorumRequest{}));
  Quorum quorum{reply.leader, reply.term, reply.led_for_ms, {}};
  for (auto& each : reply.members) {
    quorum.members.push_back({each.id, std::move(each.address), each.voter, std::move(each.state),
                              each.replaces, each.applied, each.lag});
  }
  return quorum;
}

Status transfer_leadership(ClientContext& context, std::uint64_t member) {
  if (member == 0) {
    MDFS_TRY(const auto now, quorum(context));
    MDFS_TRY(member, successor(now));
  }
  MDFS_CHECK(context.link.call(actors::TransferLeadership{member}));
  return {};
}

Status remove_namenode(ClientContext& context, std::uint64_t member) {
  MDFS_TRY(const auto now, quorum(context));
  const Error unknown{Errc::kNotFound, "no namenode has the id " + hex_64(member)};
  if (find(now, member) == nullptr) return unknown;
  const auto removed = context.link.call(actors::RemoveNamenode{member});
  // An earlier try has done it.
  if (removed.ok() || removed.error().code == Errc::kNotFound) return {};
  return removed.error();
}

Result<std::vector<NamenodeDigest>> digest_namenodes(ClientContext& context) {
  MDFS_TRY(const auto cluster, context.link.cluster());
  MDFS_TRY(const auto now, quorum(context));
  MDFS_TRY(const auto marked, context.link.call(actors::MarkForDigests{}));
  DigestReader reader(context, cluster, marked.mark);
  std::vector<NamenodeDigest> digests;
  for (const auto& each : now.members) digests.push_back(reader.read(each));
  return digests;
}

}  // namespace minidfs::client
