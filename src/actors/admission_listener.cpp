#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <optional>
#include <thread>

#include "actors/admission.hpp"
#include "actors/tcp.hpp"

namespace minidfs::actors {
namespace {

using Clock = std::chrono::steady_clock;

// Values of epoll's user data; every pending connection has a number above these.
constexpr std::uint64_t kWakeUp = 0;
constexpr std::uint64_t kListening = 1;
constexpr std::uint64_t kFirstPending = 2;

// So that a flood of connections does not keep the admitted ones from going on.
constexpr int kAcceptsPerRound = 64;
// After the process has run out of descriptors or memory for sockets.
constexpr std::chrono::milliseconds kAcceptPause{100};

// One connection on its way through the handshake. Bounded: one hello is all it ever buffers.
struct Pending {
  UniqueFd fd;
  Clock::time_point deadline;
  std::array<std::byte, kHelloBytes> buffer;
  std::size_t filled = 0;
  std::optional<Hello> hello;  // Set once the hello was accepted and answered.
  // Confirmed as its process's only connection, and waiting for the end of the older ones.
  bool replaces = false;
};

}  // namespace

class ControlListener::Impl {
 public:
  explicit Impl(AdmissionOptions options) : options_(std::move(options)) {}
  ~Impl();

  Status open();
  void start(Admit admit);

  std::uint16_t port() const { return port_; }
  const AdmissionOptions& options() const { return options_; }
  AdmissionStats stats() const;
  void cut_all() { registry_->cut_all(); }

 private:
  // By number, which grows: the first one is the oldest and has the nearest deadline.
  using PendingMap = std::map<std::uint64_t, Pending>;

  void wake_up();
  void run();
  void on_woken();
  int wait_milliseconds() const;
  void drop_expired();
  void accept_some();
  void accept_failed(int error_number);
  void watch_listening(bool enabled);
  void add_pending(UniqueFd fd);
  void drop(PendingMap::iterator it);
  void serve(PendingMap::iterator it);
  bool on_bytes(Pending& pending);
  bool on_hello(Pending& pending);
  Status check_hello(const Hello& hello) const;
  void send_reply(const Pending& pending, const Reply& reply);
  void refuse(const Pending& pending, const Error& error);
  Link link_to(const Pending& pending) const;
  bool on_confirmation(Pending& pending, Confirmation confirmation);
  void admit_pending(Pending& pending);

  const AdmissionOptions options_;
  const std::shared_ptr<ConnectionRegistry> registry_ = std::make_shared<ConnectionRegistry>();
  Admit admit_;
  std::uint16_t port_ = 0;
  UniqueFd listening_;
  UniqueFd epoll_;
  UniqueFd wake_up_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};

  // Only the listener's thread.
  PendingMap pending_;
  std::uint64_t next_number_ = kFirstPending;
  std::optional<Clock::time_point> accept_again_at_;

  std::atomic<std::uint64_t> accepted_count_{0};
  std::atomic<std::uint64_t> refused_count_{0};
  std::atomic<std::uint64_t> dropped_count_{0};
  std::atomic<std::size_t> pending_count_{0};
};

ControlListener::Impl::~Impl() {
  registry_->set_on_removed({});
  if (!thread_.joinable()) return;
  stopping_ = true;
  wake_up();
  thread_.join();
}

void ControlListener::Impl::wake_up() {
  const std::uint64_t one = 1;
  // An eventfd whose counter is far from its limit always takes the 8 bytes.
  [[maybe_unused]] const auto written = ::write(wake_up_.get(), &one, sizeof(one));
}

Status ControlListener::Impl::open() {
  MDFS_TRY(listening_, listen_on(options_.host, options_.port));
  MDFS_TRY(port_, local_port(listening_.get()));
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  wake_up_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll_ || !wake_up_) return errno_error(errno, "the control listener's event queue");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeUp;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_up_.get(), &event) != 0) {
    return errno_error(errno, "the control listener's event queue");
  }
  return {};
}

void ControlListener::Impl::start(Admit admit) {
  MDFS_ASSERT(!thread_.joinable());
  admit_ = std::move(admit);
  watch_listening(true);
  registry_->set_on_removed([this] { wake_up(); });
  thread_ = std::thread([this] { run(); });
}

AdmissionStats ControlListener::Impl::stats() const {
  return {accepted_count_, refused_count_, dropped_count_, pending_count_, registry_->count()};
}

void ControlListener::Impl::run() {
  std::array<epoll_event, 64> events;
  while (!stopping_) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   wait_milliseconds());
    for (int i = 0; i < count; ++i) {
      const auto number = events[static_cast<std::size_t>(i)].data.u64;
      if (number == kWakeUp) {
        on_woken();
      } else if (number == kListening) {
        accept_some();
      } else if (const auto it = pending_.find(number); it != pending_.end()) {
        serve(it);
      }
    }
    drop_expired();
    if (accept_again_at_ && Clock::now() >= *accept_again_at_) {
      accept_again_at_.reset();
      watch_listening(true);
    }
  }
}

// An admitted connection has ended, and another one may have waited for that.
void ControlListener::Impl::on_woken() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(wake_up_.get(), &count, sizeof(count));
  for (auto it = pending_.begin(); it != pending_.end();) {
    if (it->second.replaces && !registry_->contains(link_to(it->second))) {
      admit_pending(it->second);
      it = pending_.erase(it);
    } else {
      ++it;
    }
  }
  pending_count_ = pending_.size();
}

// Until the next deadline; for ever when there is none, so that an idle listener does not run.
int ControlListener::Impl::wait_milliseconds() const {
  auto next = Clock::time_point::max();
  if (!pending_.empty()) next = pending_.begin()->second.deadline;
  if (accept_again_at_) next = std::min(next, *accept_again_at_);
  if (next == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void ControlListener::Impl::drop_expired() {
  const auto now = Clock::now();
  while (!pending_.empty() && pending_.begin()->second.deadline <= now) drop(pending_.begin());
}

void ControlListener::Impl::accept_some() {
  for (int i = 0; i < kAcceptsPerRound; ++i) {
    UniqueFd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return accept_failed(errno);
    add_pending(std::move(fd));
  }
}

// Errors of single connections are theirs alone. When the process has no descriptor left, the
// oldest pending one gives its own; when there is none, the listener looks away for a moment,
// because the kernel would report the same connection again and again.
void ControlListener::Impl::accept_failed(int error_number) {
  const bool exhausted = error_number == EMFILE || error_number == ENFILE ||
                         error_number == ENOBUFS || error_number == ENOMEM;
  if (!exhausted) return;
  if (!pending_.empty()) return drop(pending_.begin());
  watch_listening(false);
  accept_again_at_ = Clock::now() + kAcceptPause;
}

void ControlListener::Impl::watch_listening(bool enabled) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kListening;
  ::epoll_ctl(epoll_.get(), enabled ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listening_.get(), &event);
}

void ControlListener::Impl::add_pending(UniqueFd fd) {
  if (pending_.size() >= options_.pending_max) drop(pending_.begin());
  const auto number = next_number_++;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.u64 = number;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
    ++dropped_count_;
    return;
  }
  auto& pending = pending_[number];
  pending.fd = std::move(fd);
  pending.deadline = Clock::now() + options_.handshake_timeout;
  pending_count_ = pending_.size();
}

// Closing the descriptor also takes it out of the event queue.
void ControlListener::Impl::drop(PendingMap::iterator it) {
  ++dropped_count_;
  pending_count_ = pending_.size() - 1;
  pending_.erase(it);
}

void ControlListener::Impl::serve(PendingMap::iterator it) {
  auto& pending = it->second;
  const auto wanted = pending.hello ? kConfirmationBytes : kHelloBytes;
  const auto received =
      ::recv(pending.fd.get(), pending.buffer.data() + pending.filled, wanted - pending.filled, 0);
  if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (received <= 0) return drop(it);
  pending.filled += static_cast<std::size_t>(received);
  if (on_bytes(pending)) return;
  // The connection was refused, handed on, or is not ours: only the last still has its socket.
  if (pending.fd) return drop(it);
  pending_count_ = pending_.size() - 1;
  pending_.erase(it);
}

// True while the connection is to stay pending.
bool ControlListener::Impl::on_bytes(Pending& pending) {
  const auto bytes = std::span<const std::byte>(pending.buffer).first(pending.filled);
  if (!pending.hello) {
    if (!may_be_hello(bytes)) return false;
    return pending.filled < kHelloBytes || on_hello(pending);
  }
  if (pending.filled < kConfirmationBytes) return true;
  const auto confirmation = decode_confirmation(bytes);
  return confirmation.ok() && on_confirmation(pending, *confirmation);
}

bool ControlListener::Impl::on_hello(Pending& pending) {
  const auto hello = decode_hello(pending.buffer);
  if (!hello.ok()) {
    refuse(pending, hello.error());
  } else if (const auto status = check_hello(*hello); !status.ok()) {
    refuse(pending, status.error());
  } else {
    pending.hello = *hello;
    pending.filled = 0;
    send_reply(pending, Reply{true, Errc::kInternal, "", options_.cluster, options_.process});
    return true;
  }
  pending.fd.reset();
  return false;
}

Status ControlListener::Impl::check_hello(const Hello& hello) const {
  if (!hello.cluster.is_none() && !options_.cluster.is_none() &&
      hello.cluster != options_.cluster) {
    return Error{Errc::kWrongCluster, "belongs to cluster " + to_string(options_.cluster) +
                                          ", but cluster " + to_string(hello.cluster) +
                                          " is wanted"};
  }
  if (registry_->count() >= options_.admitted_max) {
    return Error{Errc::kUnavailable, "has " + std::to_string(options_.admitted_max) +
                                         " control connections, the most it takes"};
  }
  return {};
}

// The reply fits the empty send buffer of a new socket; a peer for whom it does not is dropped by
// the deadline, because its confirmation never comes.
void ControlListener::Impl::send_reply(const Pending& pending, const Reply& reply) {
  const auto frame = encode_reply(reply);
  [[maybe_unused]] const auto sent =
      ::send(pending.fd.get(), frame.data(), frame.size(), MSG_NOSIGNAL);
}

void ControlListener::Impl::refuse(const Pending& pending, const Error& error) {
  ++refused_count_;
  send_reply(pending, Reply{false, error.code, error.message, options_.cluster, options_.process});
}

Link ControlListener::Impl::link_to(const Pending& pending) const {
  return {options_.process, pending.hello->process};
}

// CAF has to forget the old connection before it learns of the new one: to it they are the same
// peer, and it would send the answers to the connection that it had first.
bool ControlListener::Impl::on_confirmation(Pending& pending, Confirmation confirmation) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pending.fd.get(), nullptr);
  if (confirmation == Confirmation::kReplace && registry_->contains(link_to(pending))) {
    pending.replaces = true;
    registry_->cut(link_to(pending));
    return true;
  }
  admit_pending(pending);
  return false;
}

void ControlListener::Impl::admit_pending(Pending& pending) {
  tune_control_socket(pending.fd.get());
  auto peer = peer_text(pending.fd.get());
  auto slot = registry_->add(link_to(pending), pending.fd.get());
  ++accepted_count_;
  admit_({std::move(pending.fd), *pending.hello, std::move(peer), std::move(slot)});
}

Result<std::unique_ptr<ControlListener>> ControlListener::open(AdmissionOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  MDFS_CHECK(impl->open());
  return std::unique_ptr<ControlListener>(new ControlListener(std::move(impl)));
}

ControlListener::ControlListener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControlListener::~ControlListener() = default;
void ControlListener::start(Admit admit) { impl_->start(std::move(admit)); }
std::uint16_t ControlListener::port() const { return impl_->port(); }
const AdmissionOptions& ControlListener::options() const { return impl_->options(); }
AdmissionStats ControlListener::stats() const { return impl_->stats(); }
void ControlListener::cut_all() { impl_->cut_all(); }

}  // namespace minidfs::actors
