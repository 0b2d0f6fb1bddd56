// The shell around a simulated datanode's membership.
#include <algorithm>
#include <utility>

#include "metadata/block_identity.hpp"
#include "sim/whole/cluster.hpp"
#include "sim/whole/datanode.hpp"

namespace minidfs::sim {
namespace {

constexpr milliseconds kDialTimeout{800};
constexpr std::size_t kPartReplicas = 4;  // Of a full report.
constexpr std::size_t kChangesMax = 50;

metadata::MembershipOptions member_options(std::uint64_t seed) {
  metadata::MembershipOptions options;
  options.heartbeat_interval = milliseconds{500};
  options.ask_again_after = milliseconds{1500};
  options.silence_max = milliseconds{5000};
  options.seed = seed;
  return options;
}

}  // namespace

void SimDatanode::join() {
  incarnation_ = cluster_.world.random()() | 1U;
  authority_.emplace(known_on_disk_);
  membership_.emplace(member_options(cluster_.world.random()()), *authority_);
  step(metadata::Woken{});
}

void SimDatanode::step(const metadata::MembershipEvent& event) {
  for (const auto& effect : membership_->step(event, cluster_.world.now())) {
    std::visit([this](const auto& e) { act(e); }, effect);
  }
  wake_later();
}

void SimDatanode::wake_later() {
  const auto wake = membership_->next_wake();
  if (!wake.has_value()) return;
  const auto delay = std::max(TimePoint::duration{0}, *wake - cluster_.world.now());
  process_.later(std::chrono::ceil<milliseconds>(delay), [this, number = ++wakes_] {
    if (number == wakes_) step(metadata::Woken{});
  });
}

void SimDatanode::failed(std::uint64_t connection, std::uint64_t request, const Error& error) {
  step(metadata::RequestFailed{connection, request, error});
}

// --- Effects ----------------------------------------------------------------------------------

void SimDatanode::act(const metadata::Dial& effect) {
  dialed_ = effect.connection;
  const auto answered = std::make_shared<bool>(false);
  link_.dial<actors::Accepted>(
      [this, answered, effect, life = cluster_.namenode.process().life()](const auto&) {
        if (std::exchange(*answered, true)) return;
        const auto closed = [this, effect, mine = process_.life()] {
          process_.arrive(mine,
                          [this, effect] { step(metadata::ConnectionClosed{effect.connection}); });
        };
        const auto& namenode = cluster_.namenode.process();
        cluster_.namenode.on_gone(closed);
        step(metadata::Dialed{effect.connection, {}});
        if (!namenode.up() || namenode.life() != life) closed();
      });
  process_.later(kDialTimeout, [this, answered, effect] {
    if (std::exchange(*answered, true)) return;
    step(metadata::Dialed{effect.connection, Error{Errc::kUnavailable, "no namenode"}});
  });
}

void SimDatanode::act(const metadata::HangUp&) {
  changes_.put_back(told_.changes);
  failed_copies_.insert(failed_copies_.end(), told_.failed_copies.begin(),
                        told_.failed_copies.end());
  told_ = {};
}

void SimDatanode::act(const metadata::SendRegistration& effect) {
  tell_bad_again();
  actors::RegisterNode request;
  request.node = id();
  request.cluster = ClusterId{1, 1};
  request.incarnation = incarnation_;
  request.host = "host" + std::to_string(place_);
  request.data = address();
  request.rack = "/r" + std::to_string(place_ % 2);
  request.capacity_bytes = 1ULL << 40;
  request.used_bytes = disk_.replicas.size() << 20;
  request.free_bytes = request.capacity_bytes - request.used_bytes;
  request.epoch = membership_->known().epoch;
  request.change = membership_->known().change;
  for (const auto& [id, replica] : disk_.replicas) {
    const auto mark = metadata::mark_of(id);
    if (request.marks.empty() || request.marks.back() != mark) request.marks.push_back(mark);
  }
  link_.ask<actors::Registered>(
      [request](SimNamenode& namenode, const Respond<actors::Registered>& respond) {
        namenode.register_node(request, respond);
      },
      [this, effect](const Result<actors::Registered>& reply) {
        if (!reply.ok()) return failed(effect.connection, effect.request, reply.error());
        cluster_.world.trace([&] { return name() + " is registered"; });
        if (effect.connection == dialed_) registered_for_ = reply->epoch;
        step(metadata::RegistrationAnswered{effect.connection,
                                            effect.request,
                                            reply->report,
                                            {reply->epoch, reply->change},
                                            reply->from,
                                            reply->later});
      });
}

void SimDatanode::act(const metadata::SendChunk& effect) {
  using Part = metadata::SendChunk::Part;
  if (effect.part != Part::kAgain || !chunk_.has_value()) {
    const bool goes_on = effect.part == Part::kNext && chunk_.has_value();
    const auto from = goes_on ? metadata::position_after(*chunk_) : effect.from;
    if (effect.part == Part::kFirst && from.sequence > 0) {
      cluster_.world.note("a report that goes on over another connection");
    }
    std::vector<metadata::Block> replicas;
    for (const auto& [id, replica] : disk_.replicas) {
      if (!told_lost_ && id >= from.first) replicas.push_back(replica.block);
    }
    chunk_ = metadata::report_chunk_at(effect.report, from, std::move(replicas));
    if (chunk_->replicas.size() > kPartReplicas) {  // Small ones, so that there are several.
      chunk_->replicas.resize(kPartReplicas);
      chunk_->last = chunk_->replicas.back().id;
    }
  }
  cluster_.world.trace([&] { return name() + " reports in full"; });
  cluster_.orders.lists_replicas(place_, registered_for_);
  actors::BlockReportPart part;
  part.node = id();
  part.incarnation = incarnation_;
  part.chunk = encode_report_chunk(*chunk_);
  link_.ask<actors::Accepted>(
      [part](SimNamenode& namenode, const Respond<actors::Accepted>& respond) {
        namenode.report(part, respond);
      },
      [this, effect, ends = chunk_->ends_report()](const Result<actors::Accepted>& reply) {
        if (!reply.ok()) return failed(effect.connection, effect.request, reply.error());
        step(metadata::ChunkAccepted{effect.connection, effect.request, ends});
      });
}

void SimDatanode::act(const metadata::SendHeartbeat& effect) {
  act(metadata::HangUp{});  // What is not answered is told again, as far as it is still so.
  actors::Heartbeat request;
  request.node = id();
  request.incarnation = incarnation_;
  request.capacity_bytes = 1ULL << 40;
  request.used_bytes = disk_.replicas.size() << 20;
  request.free_bytes = request.capacity_bytes - request.used_bytes;
  request.replicas = disk_.replicas.size();
  request.changes = changes_.take(kChangesMax);
  request.failed_copies = std::exchange(failed_copies_, {});
  if (disk_.condition() == storage::DiskCondition::kHangs) {
    request.disks.push_back({"/disk", actors::DiskHealth::kHangs, 0});
  }
  told_ = {effect.request, request.changes, request.failed_copies};
  for (const auto& gone : request.changes.removed) {
    cluster_.world.trace(
        [&] { return name() + " tells that block " + to_string(gone.id) + " is gone"; });
  }
  for (const auto& away : request.changes.unreachable) {
    cluster_.world.trace(
        [&] { return name() + " tells that block " + to_string(away.id) + " is out of reach"; });
  }
  for (const auto& back : request.changes.back) {
    cluster_.world.trace([&] { return name() + " tells that it has block " + to_string(back.id); });
  }
  for (const auto& added : request.changes.added) {
    cluster_.world.trace([&] { return name() + " tells of block " + to_string(added.id); });
  }
  link_.ask<Beaten>(
      [this, request, effect, life = process_.life()](SimNamenode& namenode,
                                                      const Respond<Beaten>& respond) {
        auto reply = namenode.heartbeat(request);
        if (!reply.ok()) return respond(reply.error());
        auto removes = cluster_.orders.given(place_, life, effect.connection, *reply);
        respond(Beaten{std::move(*reply), std::move(removes)});
      },
      [this, effect](const Result<Beaten>& beaten) {
        if (!beaten.ok()) return failed(effect.connection, effect.request, beaten.error());
        heartbeat_answered(effect.connection, effect.request, *beaten);
      });
}

void SimDatanode::heartbeat_answered(std::uint64_t connection, std::uint64_t request,
                                     const Beaten& beaten) {
  const auto& reply = beaten.reply;
  if (told_.request == request && !reply.register_again) told_ = {};
  for (const auto& doubted : reply.doubted) found_bad(doubted);
  if (connection != dialed_) {
    cluster_.world.note("an answer over a connection that was hung up");
    if (membership_->is_member()) cluster_.world.note("an answer of before it registered anew");
  }
  answer_ = &beaten;
  answered_over_ = connection;
  metadata::HeartbeatAnswered event;
  event.connection = connection;
  event.request = request;
  event.register_again = reply.register_again;
  event.busy = !changes_.empty();
  event.report = reply.report;
  event.told = {reply.epoch, reply.change};
  event.from = reply.from;
  step(event);
  answer_ = nullptr;
}

// What was ordered before a report cannot be obeyed after it.
void SimDatanode::act(const metadata::ObeyOrders&) {
  if (answered_over_ != dialed_) {
    cluster_.world.violated(name() + " obeys orders over a connection that it has hung up");
  }
  obey(*answer_);
}

void SimDatanode::act(const metadata::Refused& effect) {
  cluster_.world.violated("node " + std::to_string(place_) +
                          " is refused: " + effect.error.message);
}

}  // namespace minidfs::sim
