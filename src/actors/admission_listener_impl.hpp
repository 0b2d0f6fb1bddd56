// What a ControlListener consists of: its event loop is in admission_listener.cpp, the handshake of
// one connection in admission_handshake.cpp. Private to these two.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "actors/admission.hpp"
#include "actors/admission_proof.hpp"
#include "base/refusal_log.hpp"
#include "net/listen.hpp"

namespace minidfs::actors {

class ControlListener::Impl {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Impl(AdmissionOptions options)
      : options_(std::move(options)),
        sweep_interval_(
            std::clamp(options_.idle_timeout / 4, kSweepIntervalMin, kSweepIntervalMax)) {}
  ~Impl();

  Status open(net::Listening held);
  void start(Admit admit, std::optional<MemberDoor> members);

  std::uint16_t port() const { return listening_.port; }
  const AdmissionOptions& options() const { return options_; }
  AdmissionStats stats() const;
  const std::shared_ptr<ConnectionRegistry>& registry() const { return registry_; }
  void cut_all() { registry_->cut_all(); }
  std::function<bool(ProcessId)> admitted_as(auth::Role role) const;

 private:
  // Values of epoll's user data: the eventfd, the sockets that are listened on, and the numbers of
  // connections, which begin above those.
  static constexpr std::uint64_t kWakeUp = 0;
  static constexpr std::uint64_t kFirstListening = 1;
  static constexpr std::uint64_t kFirstPending = 1'000;

  // Between two looks at the admitted connections.
  static constexpr std::chrono::milliseconds kSweepIntervalMin{5};
  static constexpr std::chrono::milliseconds kSweepIntervalMax{5'000};

  // One connection on its way through the handshake. Bounded: one hello is all it ever buffers.
  struct Pending {
    explicit Pending(auth::CredentialsPtr credentials) : proof(std::move(credentials)) {}

    // What the peer owes.
    enum class Waits : std::uint8_t { kHello, kProof, kConfirmation };

    UniqueFd fd;
    Clock::time_point deadline;
    std::array<std::byte, kHelloBytes> buffer;  // The largest frame of them.
    std::size_t filled = 0;
    Waits waits = Waits::kHello;
    Hello hello;
    ListenerProof proof;
    // Confirmed as its process's only connection, and waiting for the end of the older ones.
    bool replaces = false;
  };

  // What becomes of a pending connection.
  enum class Next : std::uint8_t { kStays, kAdmitted, kRefused, kDropped };

  // By number, which grows: the first one is the oldest and has the nearest deadline.
  using PendingMap = std::map<std::uint64_t, Pending>;

  Status watch(int fd, std::uint64_t number, std::uint32_t events);
  void wake_up();
  void run();
  void serve_event(std::uint64_t number);
  void on_woken();
  int wait_milliseconds() const;
  void drop_expired();
  void sweep();
  void report_crowd(Clock::time_point now);
  void accept_some(int listening);
  void accept_failed(int error_number);
  void set_accepting(bool accepting);
  void add_pending(UniqueFd fd);
  void drop(std::uint64_t number);
  void remove(PendingMap::iterator it, Next next);
  static std::size_t wanted_bytes(Pending::Waits waits);
  void serve(PendingMap::iterator it);
  Next on_bytes(std::uint64_t number, Pending& pending);
  Next on_hello(std::uint64_t number, Pending& pending);
  Next on_proof(std::uint64_t number, Pending& pending);
  Next accept(std::uint64_t number, Pending& pending, ClusterId wanted);
  Status enter(std::uint64_t number, auth::Role role);
  void send_frame(const Pending& pending, const ReplyFrame& frame);
  Next refuse(Pending& pending, const Error& error);
  bool speaks_for_itself(const Pending& pending);
  void tell(const Pending& pending, std::string_view end, const std::string& why);
  ProcessId process_for(const Hello& hello) const;
  Link link_to(const Pending& pending) const;
  Next on_confirmation(std::uint64_t number, Pending& pending, Confirmation confirmation);
  Next admit_pending(std::uint64_t number, Pending& pending);

  const AdmissionOptions options_;
  const std::chrono::milliseconds sweep_interval_;
  const std::shared_ptr<ConnectionRegistry> registry_ = std::make_shared<ConnectionRegistry>();
  Admit admit_;
  std::optional<MemberDoor> members_;
  net::Listening listening_;
  UniqueFd epoll_;
  UniqueFd wake_up_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};

  // Only the listener's thread.
  PendingMap pending_;
  net::ConnectionShares shares_{options_.shares};
  std::uint64_t next_number_ = kFirstPending;
  std::optional<Clock::time_point> accept_again_at_;
  Clock::time_point last_sweep_;
  RefusalLog refusals_;
  std::uint64_t no_room_count_ = 0;  // Since the last report, like the others.
  std::uint64_t pushed_out_count_ = 0;
  Clock::time_point last_report_;

  std::atomic<std::uint64_t> accepted_count_{0};
  std::atomic<std::uint64_t> refused_count_{0};
  std::atomic<std::uint64_t> dropped_count_{0};
  std::atomic<std::uint64_t> cut_count_{0};
  std::atomic<std::size_t> pending_count_{0};
};

}  // namespace minidfs::actors
