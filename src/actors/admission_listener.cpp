#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "actors/admission_listener_impl.hpp"
#include "base/logging.hpp"

namespace minidfs::actors {
namespace {

using std::chrono::milliseconds;

// So that a flood of connections does not keep the admitted ones from going on.
constexpr int kAcceptsPerRound = 64;
// After the process has run out of descriptors or memory for sockets.
constexpr milliseconds kAcceptPause{100};
// Between two lines of the log about a crowd.
constexpr milliseconds kReportInterval{10'000};

}  // namespace

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

Status ControlListener::Impl::watch(int fd, std::uint64_t number, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = number;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return errno_error(errno, "the control listener's event queue");
}

Status ControlListener::Impl::open(net::Listening held) {
  const net::Host host{options_.host, options_.port};
  listening_ = std::move(held);
  if (listening_.sockets.empty()) {
    MDFS_TRY(listening_, net::hold_port(host, Clock::now() + options_.handshake_timeout));
  }
  MDFS_CHECK(net::start_listening(listening_, host));
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  wake_up_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll_ || !wake_up_) return errno_error(errno, "the control listener's event queue");
  MDFS_CHECK(watch(wake_up_.get(), kWakeUp, EPOLLIN));
  for (std::size_t i = 0; i < listening_.sockets.size(); ++i) {
    // Nothing is reported yet; so that start() cannot fail.
    MDFS_CHECK(watch(listening_.sockets[i].get(), kFirstListening + i, 0));
  }
  return {};
}

void ControlListener::Impl::start(Admit admit, std::optional<MemberDoor> members) {
  MDFS_ASSERT(!thread_.joinable());
  admit_ = std::move(admit);
  members_ = std::move(members);
  accept_again_at_ = last_sweep_ = Clock::now();
  registry_->set_on_removed([this] { wake_up(); });
  thread_ = std::thread([this] { run(); });
}

AdmissionStats ControlListener::Impl::stats() const {
  return {accepted_count_, refused_count_, dropped_count_,
          cut_count_,      pending_count_, registry_->count()};
}

std::function<bool(ProcessId)> ControlListener::Impl::admitted_as(auth::Role role) const {
  return [registry = registry_, local = options_.process, role](ProcessId process) {
    return registry->role_of({local, process}) == role;
  };
}

void ControlListener::Impl::run() {
  std::array<epoll_event, 64> events;
  while (!stopping_) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   wait_milliseconds());
    for (int i = 0; i < count; ++i) serve_event(events[static_cast<std::size_t>(i)].data.u64);
    drop_expired();
    sweep();
    if (accept_again_at_ && Clock::now() >= *accept_again_at_) {
      accept_again_at_.reset();
      set_accepting(true);
    }
  }
}

void ControlListener::Impl::serve_event(std::uint64_t number) {
  if (number == kWakeUp) {
    on_woken();
  } else if (number < kFirstPending) {
    accept_some(listening_.sockets[number - kFirstListening].get());
  } else if (const auto it = pending_.find(number); it != pending_.end()) {
    serve(it);
  }
}

// An admitted connection has ended, and another one may have waited for that.
void ControlListener::Impl::on_woken() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(wake_up_.get(), &count, sizeof(count));
  for (const auto ended : registry_->take_ended()) shares_.leave(ended);
  for (auto it = pending_.begin(); it != pending_.end();) {
    const auto at = it++;
    if (at->second.replaces && !registry_->contains(link_to(at->second))) {
      remove(at, admit_pending(at->first, at->second));
    }
  }
}

// Until the next deadline; for ever when there is none, so that an idle listener does not run.
int ControlListener::Impl::wait_milliseconds() const {
  auto next = Clock::time_point::max();
  if (!pending_.empty()) next = pending_.begin()->second.deadline;
  if (accept_again_at_) next = std::min(next, *accept_again_at_);
  if (shares_.members() > 0) next = std::min(next, last_sweep_ + sweep_interval_);
  if (next == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void ControlListener::Impl::drop_expired() {
  const auto now = Clock::now();
  while (!pending_.empty() && pending_.begin()->second.deadline <= now) {
    drop(pending_.begin()->first);
  }
}

void ControlListener::Impl::sweep() {
  const auto now = Clock::now();
  if (now - last_sweep_ < sweep_interval_) return;
  // When this process itself stood still, nobody has had a chance to say anything. (Without members
  // nothing is swept, so a pause that is found then says nothing, and excuses nobody.)
  if (now - last_sweep_ > sweep_interval_ * 3) registry_->excuse(now);
  last_sweep_ = now;
  for (const auto idle : registry_->idle(now - options_.idle_timeout)) {
    ++cut_count_;
    registry_->cut(idle);
  }
  report_crowd(now);
}

void ControlListener::Impl::report_crowd(Clock::time_point now) {
  if (no_room_count_ + pushed_out_count_ == 0 || now - last_report_ < kReportInterval) return;
  log_warn(
      "control",
      "{} connections are admitted, as many as there is room for: {} idle ones were closed, {} "
      "new ones refused",
      shares_.members(), std::exchange(pushed_out_count_, 0), std::exchange(no_room_count_, 0));
  last_report_ = now;
}

void ControlListener::Impl::accept_some(int listening) {
  for (int i = 0; i < kAcceptsPerRound; ++i) {
    UniqueFd fd(::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return accept_failed(errno);
    add_pending(std::move(fd));
  }
}

// Errors of single connections are theirs alone. When the process has no descriptor left, the
// oldest stranger gives its own; when there is none, the listener looks away for a moment, because
// the kernel would report the same connection again and again.
void ControlListener::Impl::accept_failed(int error_number) {
  const bool exhausted = error_number == EMFILE || error_number == ENFILE ||
                         error_number == ENOBUFS || error_number == ENOMEM;
  if (!exhausted) return;
  if (const auto stranger = shares_.give_way()) return drop(*stranger);
  set_accepting(false);
  accept_again_at_ = Clock::now() + kAcceptPause;
}

void ControlListener::Impl::set_accepting(bool accepting) {
  for (std::size_t i = 0; i < listening_.sockets.size(); ++i) {
    epoll_event event{};
    event.events = accepting ? static_cast<std::uint32_t>(EPOLLIN) : 0U;
    event.data.u64 = kFirstListening + i;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listening_.sockets[i].get(), &event);
  }
}

void ControlListener::Impl::add_pending(UniqueFd fd) {
  const auto number = next_number_++;
  if (!watch(fd.get(), number, EPOLLIN | EPOLLRDHUP).ok()) {
    ++dropped_count_;
    return;
  }
  auto& pending = pending_.try_emplace(number, options_.credentials).first->second;
  pending.fd = std::move(fd);
  pending.deadline = Clock::now() + options_.handshake_timeout;
  pending_count_ = pending_.size();
  if (const auto oldest = shares_.come(number)) drop(*oldest);
}

void ControlListener::Impl::drop(std::uint64_t number) {
  if (const auto it = pending_.find(number); it != pending_.end()) remove(it, Next::kDropped);
}

// Closing the descriptor also takes it out of the event queue.
void ControlListener::Impl::remove(PendingMap::iterator it, Next next) {
  if (next == Next::kDropped) ++dropped_count_;
  if (next != Next::kAdmitted) shares_.leave(it->first);
  pending_count_ = pending_.size() - 1;  // Before the peer can know.
  pending_.erase(it);
}

Result<std::unique_ptr<ControlListener>> ControlListener::open(AdmissionOptions options,
                                                               net::Listening held) {
  auto impl = std::make_unique<Impl>(std::move(options));
  MDFS_CHECK(impl->open(std::move(held)));
  return std::unique_ptr<ControlListener>(new ControlListener(std::move(impl)));
}

ControlListener::ControlListener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControlListener::~ControlListener() = default;
void ControlListener::start(Admit admit, std::optional<MemberDoor> members) {
  impl_->start(std::move(admit), std::move(members));
}
std::uint16_t ControlListener::port() const { return impl_->port(); }
const AdmissionOptions& ControlListener::options() const { return impl_->options(); }
AdmissionStats ControlListener::stats() const { return impl_->stats(); }
std::function<bool(ProcessId)> ControlListener::admitted_as(auth::Role role) const {
  return impl_->admitted_as(role);
}
const std::shared_ptr<ConnectionRegistry>& ControlListener::registry() const {
  return impl_->registry();
}
void ControlListener::cut_all() { impl_->cut_all(); }

}  // namespace minidfs::actors
