#include "consensus/peers/seed_sender.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

#include "base/logging.hpp"
#include "base/random_id.hpp"

namespace minidfs::consensus {
namespace {

using Clock = std::chrono::steady_clock;

// Pieces that are sent and not taken in.
constexpr std::uint64_t kWindowPieces = 8;
// To sync and install the whole copy.
constexpr std::chrono::minutes kInstallPatience{10};
// Whoever is served goes before.
constexpr int kNice = 10;

}  // namespace

SeedSender::SeedSender(StateMachine& state, Options options)
    : state_(state), options_(std::move(options)), thread_([this] { run(); }) {}

SeedSender::~SeedSender() {
  cancel();
  thread_.join();
}

std::optional<Index> SeedSender::number() const {
  const std::lock_guard lock(mutex_);
  if (step_ != Step::kWaiting || begin_) return std::nullopt;
  return number_;
}

void SeedSender::start(SeedBegin begin) {
  {
    const std::lock_guard lock(mutex_);
    seed_ = begin.seed;
    begin_ = std::move(begin);
  }
  wake_.notify_one();
}

void SeedSender::acknowledged(const SeedAck& ack) {
  {
    const std::lock_guard lock(mutex_);
    if (ack.seed != seed_) return;
    taken_ = std::max(taken_, ack.taken);
    while (!untaken_.empty() && untaken_.front().first < taken_) untaken_.pop_front();
  }
  wake_.notify_one();
}

void SeedSender::done(const SeedDone& done) {
  {
    const std::lock_guard lock(mutex_);
    if (done.seed != seed_) return;
    done_ = done.installed;
  }
  wake_.notify_one();
}

void SeedSender::cancel() {
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  wake_.notify_one();
}

void SeedSender::pause() {
  const std::lock_guard lock(mutex_);
  paused_ = step_ == Step::kSending;
}

void SeedSender::resume(const SeedResume& resume) {
  {
    const std::lock_guard lock(mutex_);
    if (!paused_) return;
    paused_ = false;
    cancelled_ = cancelled_ || resume.seed != seed_;
    for (const auto& [number, message] : untaken_) {
      if (!cancelled_ && number >= resume.pieces) options_.send(options_.to, message);
    }
  }
  wake_.notify_one();
}

std::optional<bool> SeedSender::outcome() const {
  const std::lock_guard lock(mutex_);
  if (step_ != Step::kEnded) return std::nullopt;
  return installed_;
}

void SeedSender::run() {
  pthread_setname_np(pthread_self(), "seed");
  // Of this thread alone; it goes on without it.
  static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice));
  log_info("namenode", "member {}: is given a copy of the state", hex_64(options_.to));
  const auto status = send_all();
  if (status.ok()) {
    log_info("namenode", "member {}: has the copy of the state", hex_64(options_.to));
  } else {
    log_warn("namenode", "member {}: the copy of the state is given up: {}", hex_64(options_.to),
             status.error().message);
  }
  {
    const std::lock_guard lock(mutex_);
    step_ = Step::kEnded;
    installed_ = status.ok();
  }
  options_.changed();
}

Status SeedSender::send_all() {
  MDFS_TRY(const auto copy, state_.begin_copy());
  MDFS_TRY(const auto begin, await_start(copy->number()));
  options_.send(options_.to, encode_peer_message(begin));
  MDFS_CHECK(send_pieces(*copy, begin.seed));
  return await_done();
}

Result<SeedBegin> SeedSender::await_start(Index number) {
  {
    const std::lock_guard lock(mutex_);
    step_ = Step::kWaiting;
    number_ = number;
  }
  options_.changed();
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return cancelled_ || begin_; });
  if (cancelled_) return cancelled();
  step_ = Step::kSending;
  return *begin_;
}

Status SeedSender::send_pieces(StateCopy& copy, std::uint64_t seed) {
  const auto since = Clock::now();
  std::string sums;
  std::uint64_t bytes = 0;
  for (std::uint64_t number = 0;; ++number) {
    MDFS_CHECK(await_room(number));
    MDFS_CHECK(pace(bytes, since));
    MDFS_TRY(auto piece, copy.next(kSeedPieceMaxBytes));
    if (piece.empty()) {
      send(number, encode_peer_message(SeedEnd{seed, number, checksum(sums)}));
      return {};
    }
    bytes += piece.size();
    const auto sum = checksum(piece);
    sums.append(reinterpret_cast<const char*>(&sum), sizeof sum);
    send(number, encode_peer_message(SeedPiece{seed, number, std::move(piece)}));
  }
}

void SeedSender::send(std::uint64_t number, std::string message) {
  const std::lock_guard lock(mutex_);
  if (!paused_) options_.send(options_.to, message);
  untaken_.emplace_back(number, std::move(message));
}

Status SeedSender::await_room(std::uint64_t sent) {
  std::unique_lock lock(mutex_);
  const auto ready = [&] {
    return cancelled_ || done_ || (!paused_ && sent < taken_ + kWindowPieces);
  };
  if (!wake_.wait_for(lock, options_.patience, ready)) {
    return Error{Errc::kTimedOut, "the member takes nothing"};
  }
  if (cancelled_) return cancelled();
  if (done_) return Error{Errc::kCancelled, "the member does not want it"};
  return {};
}

Status SeedSender::pace(std::uint64_t sent_bytes, Clock::time_point since) {
  if (options_.bytes_per_second == 0) return {};
  const auto due =
      since + std::chrono::microseconds(sent_bytes * 1'000'000 / options_.bytes_per_second);
  std::unique_lock lock(mutex_);
  wake_.wait_until(lock, due, [&] { return cancelled_; });
  return cancelled_ ? Status(cancelled()) : Status();
}

Status SeedSender::await_done() {
  std::unique_lock lock(mutex_);
  if (!wake_.wait_for(lock, kInstallPatience, [&] { return cancelled_ || done_; })) {
    return Error{Errc::kTimedOut, "the member does not install it"};
  }
  if (done_ && *done_) return {};
  if (done_) return Error{Errc::kCancelled, "the member does not want it"};
  return cancelled();
}

Error SeedSender::cancelled() const {
  return Error{Errc::kCancelled, "the member cannot be reached, or another one leads"};
}

}  // namespace minidfs::consensus
