// The listening side of the handshake of one connection.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "actors/admission_listener_impl.hpp"
#include "actors/tcp.hpp"

namespace minidfs::actors {
namespace {

// Connections that were told to end and whose descriptors CAF still has.
constexpr std::size_t kEndingMax = 64;

}  // namespace

void ControlListener::Impl::serve(PendingMap::iterator it) {
  auto& pending = it->second;
  const auto wanted = pending.hello ? kConfirmationBytes : kHelloBytes;
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
  if (!pending.hello) {
    if (!may_be_hello(bytes)) return Next::kDropped;
    return pending.filled < kHelloBytes ? Next::kStays : on_hello(number, pending);
  }
  if (pending.filled < kConfirmationBytes) return Next::kStays;
  const auto confirmation = decode_confirmation(bytes);
  if (!confirmation.ok()) return Next::kDropped;
  return on_confirmation(number, pending, *confirmation);
}

ControlListener::Impl::Next ControlListener::Impl::on_hello(std::uint64_t number,
                                                            Pending& pending) {
  const auto hello = decode_hello(pending.buffer);
  if (!hello.ok()) return refuse(pending, hello.error());
  if (const auto status = check_hello(number, *hello); !status.ok()) {
    return refuse(pending, status.error());
  }
  pending.hello = *hello;
  pending.filled = 0;
  send_reply(pending, Reply{true, Errc::kInternal, "", options_.cluster, options_.process});
  return Next::kStays;
}

// Afterwards the connection has a place among the members.
Status ControlListener::Impl::check_hello(std::uint64_t number, const Hello& hello) {
  if (!hello.cluster.is_none() && !options_.cluster.is_none() &&
      hello.cluster != options_.cluster) {
    return Error{Errc::kWrongCluster, "belongs to cluster " + to_string(options_.cluster) +
                                          ", but cluster " + to_string(hello.cluster) +
                                          " is wanted"};
  }
  using Kind = net::ConnectionShares::Kind;
  const auto kind = hello.role == ControlRole::kClient ? Kind::kClient : Kind::kPeer;
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

// The reply fits the empty send buffer of a new socket; a peer for whom it does not is dropped by
// the deadline, because its confirmation never comes.
void ControlListener::Impl::send_reply(const Pending& pending, const Reply& reply) {
  const auto frame = encode_reply(reply);
  [[maybe_unused]] const auto sent =
      ::send(pending.fd.get(), frame.data(), frame.size(), MSG_NOSIGNAL);
}

ControlListener::Impl::Next ControlListener::Impl::refuse(const Pending& pending,
                                                          const Error& error) {
  ++refused_count_;
  send_reply(pending, Reply{false, error.code, error.message, options_.cluster, options_.process});
  return Next::kRefused;
}

Link ControlListener::Impl::link_to(const Pending& pending) const {
  return {options_.process, pending.hello->process};
}

// CAF has to forget the old connection before it learns of the new one: to it they are the same
// peer, and it would send the answers to the connection that it had first.
ControlListener::Impl::Next ControlListener::Impl::on_confirmation(std::uint64_t number,
                                                                   Pending& pending,
                                                                   Confirmation confirmation) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pending.fd.get(), nullptr);
  if (confirmation == Confirmation::kReplace && registry_->contains(link_to(pending))) {
    pending.replaces = true;
    registry_->cut(link_to(pending));
    return Next::kStays;
  }
  return admit_pending(number, pending);
}

ControlListener::Impl::Next ControlListener::Impl::admit_pending(std::uint64_t number,
                                                                 Pending& pending) {
  tune_control_socket(pending.fd.get());
  auto peer = peer_text(pending.fd.get());
  auto slot = registry_->add(link_to(pending), pending.fd.get(), number);
  ++accepted_count_;
  admit_({std::move(pending.fd), *pending.hello, std::move(peer), std::move(slot)});
  return Next::kAdmitted;
}

}  // namespace minidfs::actors
