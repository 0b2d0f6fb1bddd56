#include "actors/peers/peer_dialler.hpp"

#include <pthread.h>

#include <utility>

#include "actors/control_plane.hpp"
#include "actors/peers/peer_types.hpp"
#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "base/units.hpp"

namespace minidfs::actors {
namespace {

template <class Message>
void say(const caf::strong_actor_ptr& from, const caf::strong_actor_ptr& to, Message message) {
  to->enqueue(caf::make_mailbox_element(from, caf::make_message_id(), {}, std::move(message)),
              nullptr);
}

}  // namespace

PeerDialler::PeerDialler(consensus::MemberId member, const PeerDialOptions& options,
                         caf::actor_system& system, caf::strong_actor_ptr face,
                         std::shared_ptr<PeerConnections> connections)
    : member_(member),
      options_(options),
      system_(system),
      face_(std::move(face)),
      connections_(std::move(connections)),
      thread_([this] { run(); }) {}

PeerDialler::~PeerDialler() {
  cancelled_ = true;
  thread_.join();
}

void PeerDialler::run() {
  pthread_setname_np(pthread_self(), "peer");
  while (const auto task = connections_->next(member_)) {
    task->remind ? remind(task->sights) : dial(task->address);
  }
}

void PeerDialler::remind(const std::vector<PeerSight>& sights) {
  if (auto way = connections_->way_to(member_, sights.size() * sizeof(PeerSight))) {
    say(face_, way->peer, PeerSights{sights, std::move(way->unsent)});
  }
}

void PeerDialler::dial(const std::string& address) {
  process_ = {};
  const auto made = connect(address);
  if (!made.ok()) {
    connections_->failed(member_, process_);
    if (!cancelled_) note(made.error(), address);
    return;
  }
  twin_since_.reset();
  if (!*made) return;
  noted_.clear();
  log_info("namenode", "connected to member {} at {}", hex_64(member_), address);
}

Result<bool> PeerDialler::connect(const std::string& address) {
  const auto deadline = Clock::now() + options_.timeout;
  MDFS_TRY(const auto where, parse_host_port(address, std::nullopt));
  DialOptions dialing;
  dialing.role = auth::Role::kNamenode;
  dialing.cluster = options_.cluster;
  dialing.process = control_process_id(system_);
  dialing.timeout = options_.timeout;
  dialing.credentials = options_.credentials;
  dialing.member = connections_->self();
  dialing.wanted = member_;
  dialing.cancelled = &cancelled_;
  dialing.versions = options_.versions;
  MDFS_TRY(auto dialed, dial_control(where.host, where.port, dialing));
  process_ = dialed.process;
  auto slot = connections_->confirm(member_, dialed.process, dialed.fd.get());
  if (!slot) return false;
  MDFS_CHECK(confirm_control(dialed, Confirmation::kReplace));
  MDFS_TRY(auto published,
           enter_control(system_, std::move(dialed.fd), *std::move(slot), where.port, deadline));
  const auto wanted = system_.message_types(caf::detail::type_list<PeerActor>{});
  if (!published.actor || !system_.assignable(published.signatures, wanted)) {
    return Error{Errc::kProtocol, address + ": the published actor has not the wanted interface"};
  }
  if (!connections_->dialled(member_, process_, dialed.newest, published.actor)) return false;
  // Not before the log was told: the other side may answer at once.
  say(face_, published.actor, PeerGreeting{});
  return true;
}

// Once for each reason, until there was a connection.
void PeerDialler::note(const Error& error, const std::string& address) {
  const bool twin = error.code == Errc::kInUse;
  if (!twin) twin_since_.reset();
  if (twin && !twin_since_) twin_since_ = Clock::now();
  if (twin && !twin_told_ && Clock::now() >= *twin_since_ + options_.twin_for) {
    twin_told_ = true;
    if (options_.on_twin) options_.on_twin(error);
  }
  if (error.code == Errc::kBusy || error.message == noted_) return;
  noted_ = error.message;
  const bool expected = error.code == Errc::kUnavailable || error.code == Errc::kTimedOut;
  if (expected) {
    log_info("namenode", "member {} cannot be reached at {}: {}", hex_64(member_), address,
             error.message);
  } else {
    log_warn("namenode", "member {} is not to be reached at {}: {}", hex_64(member_), address,
             error.message);
  }
}

}  // namespace minidfs::actors
