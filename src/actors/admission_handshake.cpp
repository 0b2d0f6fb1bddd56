// The listening side of the handshake of one connection.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "actors/admission_listener_impl.hpp"
#include "actors/tcp.hpp"
#include "base/logging.hpp"

namespace minidfs::actors {
namespace {

// Connections that were told to end and whose descriptors CAF still has.
constexpr std::size_t kEndingMax = 64;

}  // namespace

std::size_t ControlListener::Impl::wanted_bytes(Pending::Waits waits) {
  switch (waits) {
    case Pending::Waits::kHello:
      return kHelloBytes;
    case Pending::Waits::kProof:
      return kProofBytes;
    case Pending::Waits::kConfirmation:
      break;
  }
  return kConfirmationBytes;
}

void ControlListener::Impl::serve(PendingMap::iterator it) {
  auto& pending = it->second;
  const auto wanted = wanted_bytes(pending.waits);
  const auto received =
      ::recv(pending.fd.get(), pending.buffer.data() + pending.filled, wanted - pending.filled, 0);
  if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (received <= 0) return remove(it, Next::kDropped);
  pending.filled += static_cast<std::size_t>(received);
  if (const auto next = on_bytes(it->first, pending); next != Next::kStays) remove(it, next);
}

ControlListener::Impl::Next ControlListener::Impl::on_bytes(std::uint64_t number,
                                                            Pending& pending) {
  const auto bytes = std::span<const std::byte>(pending.buffer).first(pending.filled);
  if (pending.waits == Pending::Waits::kHello && !may_be_hello(bytes)) return Next::kDropped;
  if (pending.filled < wanted_bytes(pending.waits)) return Next::kStays;
  pending.filled = 0;
  switch (pending.waits) {
    case Pending::Waits::kHello:
      return on_hello(number, pending);
    case Pending::Waits::kProof:
      return on_proof(number, pending);
    case Pending::Waits::kConfirmation:
      break;
  }
  const auto confirmation = decode_confirmation(bytes);
  if (!confirmation.ok()) return Next::kDropped;
  return on_confirmation(number, pending, *confirmation);
}

ControlListener::Impl::Next ControlListener::Impl::on_hello(std::uint64_t number,
                                                            Pending& pending) {
  const auto hello = decode_hello(pending.buffer);
  if (!hello.ok()) return refuse(pending, hello.error());
  pending.hello = *hello;
  const auto challenge = pending.proof.on_hello(pending.buffer, *hello);
  if (!challenge.ok()) return refuse(pending, challenge.error());
  if (!challenge->has_value()) return accept(number, pending, hello->cluster);
  pending.waits = Pending::Waits::kProof;
  send_frame(pending, **challenge);
  return Next::kStays;
}

ControlListener::Impl::Next ControlListener::Impl::on_proof(std::uint64_t number,
                                                            Pending& pending) {
  const auto bytes = std::span<const std::byte>(pending.buffer).first(kProofBytes);
  const auto wanted = pending.proof.on_proof(bytes);
  if (!wanted.ok()) return refuse(pending, wanted.error());
  return accept(number, pending, *wanted);
}

// `wanted`: the cluster that the peer means.
ControlListener::Impl::Next ControlListener::Impl::accept(std::uint64_t number, Pending& pending,
                                                          ClusterId wanted) {
  const auto version = common_version(options_.versions, pending.hello.versions);
  if (!version.ok()) return refuse(pending, version.error());
  if (!wanted.is_none() && !options_.cluster.is_none() && wanted != options_.cluster) {
    return refuse(pending,
                  {Errc::kWrongCluster, "belongs to cluster " + to_string(options_.cluster) +
                                            ", but cluster " + to_string(wanted) + " is wanted"});
  }
  if (pending.hello.comes_as_member()) {
    const auto judged = members_
                            ? members_->judge(pending.hello)
                            : Status(Error{Errc::kUnsupported, "takes no other members of a log"});
    if (!judged.ok()) return refuse(pending, judged.error());
  }
  if (const auto entered = enter(number, pending.hello.role); !entered.ok()) {
    return refuse(pending, entered.error());
  }
  pending.waits = Pending::Waits::kConfirmation;
  Reply reply;
  reply.accepted = true;
  reply.cluster = options_.cluster;
  reply.process = process_for(pending.hello);
  reply.versions = options_.versions;
  send_frame(pending, pending.proof.sealed(std::move(reply)));
  return Next::kStays;
}

// Afterwards the connection has a place among the members.
Status ControlListener::Impl::enter(std::uint64_t number, auth::Role role) {
  using Kind = net::ConnectionShares::Kind;
  const auto kind = role == auth::Role::kClient ? Kind::kClient : Kind::kPeer;
  net::ConnectionShares::Entry entry;
  if (registry_->count() < options_.shares.members + kEndingMax) {
    entry = shares_.enter(number, kind, Clock::now(),
                          [this](std::uint64_t member) { return registry_->last_traffic(member); });
  }
  if (entry.admitted) {
    if (!entry.leaves) return {};
    ++pushed_out_count_;
    ++cut_count_;
    registry_->cut(*entry.leaves);
    return {};
  }
  ++no_room_count_;
  return Error{Errc::kUnavailable, "has " + std::to_string(shares_.members()) +
                                       " control connections, the most it takes"};
}

// A frame fits the empty send buffer of a new socket; a peer for whom it does not is dropped by
// the deadline, because what it owes never comes.
void ControlListener::Impl::send_frame(const Pending& pending, const ReplyFrame& frame) {
  [[maybe_unused]] const auto sent =
      ::send(pending.fd.get(), frame.data(), frame.size(), MSG_NOSIGNAL);
}

// Both ends are to know: it is an operator's mistake, or an attempt. Of a crowd report_crowd()
// tells.
ControlListener::Impl::Next ControlListener::Impl::refuse(Pending& pending, const Error& error) {
  ++refused_count_;
  if (error.code != Errc::kUnavailable) tell(pending, "refused", error.message);
  Reply reply;
  reply.code = error.code;
  reply.text = error.message;
  if (pending.proof.may_know()) {
    reply.cluster = options_.cluster;
    reply.process = process_for(pending.hello);
  }
  send_frame(pending, pending.proof.sealed(std::move(reply)));
  return Next::kRefused;
}

ProcessId ControlListener::Impl::process_for(const Hello& hello) const {
  return members_ && hello.comes_as_member() ? members_->process : options_.process;
}

Link ControlListener::Impl::link_to(const Pending& pending) const {
  return {process_for(pending.hello), pending.hello.process};
}

// CAF knows a process by its id alone: one that holds two roles would be taken for either.
bool ControlListener::Impl::speaks_for_itself(const Pending& pending) {
  const auto known = registry_->role_of(link_to(pending));
  if (!known || *known == pending.hello.role) return true;
  tell(pending, "closed", "its process is a " + std::string(auth::to_string(*known)) + " already");
  return false;
}

// `end`: what became of it.
void ControlListener::Impl::tell(const Pending& pending, std::string_view end,
                                 const std::string& why) {
  std::string what;
  std::string who;
  // Not when its hello could not be read.
  if (!pending.hello.process.is_none()) {
    what = "as a " + std::string(auth::to_string(pending.hello.role)) + " ";
    who = to_string(pending.hello.process);
  }
  what.append("is ").append(end).append(": ").append(why);
  if (const auto line = refusals_.line(peer_text(pending.fd.get()), what, who)) {
    log_warn("control", "{}", *line);
  }
}

// CAF has to forget the old connection before it learns of the new one: to it they are the same
// peer, and it would send the answers to the connection that it had first.
ControlListener::Impl::Next ControlListener::Impl::on_confirmation(std::uint64_t number,
                                                                   Pending& pending,
                                                                   Confirmation confirmation) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pending.fd.get(), nullptr);
  const bool is_member = pending.hello.comes_as_member();
  if (is_member) {
    if (const auto claimed = members_->claim(pending.hello); !claimed.ok()) {
      tell(pending, "closed", claimed.error().message);
      return Next::kDropped;
    }
  }
  if (!speaks_for_itself(pending)) return Next::kDropped;
  const bool replaces = is_member || confirmation == Confirmation::kReplace;
  if (replaces && registry_->contains(link_to(pending))) {
    pending.replaces = true;
    registry_->cut(link_to(pending));
    return Next::kStays;
  }
  return admit_pending(number, pending);
}

ControlListener::Impl::Next ControlListener::Impl::admit_pending(std::uint64_t number,
                                                                 Pending& pending) {
  if (!speaks_for_itself(pending)) return Next::kDropped;
  tune_control_socket(pending.fd.get());
  auto peer = peer_text(pending.fd.get());
  auto slot = registry_->add(link_to(pending), pending.fd.get(), number, pending.hello.role);
  ++accepted_count_;
  const auto& admit = pending.hello.comes_as_member() ? members_->admit : admit_;
  admit({std::move(pending.fd), pending.hello, std::move(peer), std::move(slot)});
  return Next::kAdmitted;
}

}  // namespace minidfs::actors
