#include "transfer/receive_memory.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/result.hpp"
#include "net/wait.hpp"

namespace minidfs::transfer {
namespace {

constexpr std::size_t kSlack = 4096;
constexpr std::array<std::size_t, 6> kPieceSizes{8 << 10,   64 << 10,  128 << 10,
                                                 256 << 10, 512 << 10, 1 << 20};
static_assert(kPieceSizes.back() + kSlack == ReceiveMemory::kPieceBytesMax);

}  // namespace

asio::awaitable<void> Signal::wait(Clock::time_point deadline) {
  timer_.expires_at(deadline);
  co_await net::wait(timer_);
}

ReceiveMemory::Piece::Piece(std::shared_ptr<ReceiveMemory> memory, std::size_t hops,
                            std::size_t size_class)
    : memory_(std::move(memory)),
      hops_(hops),
      size_class_(size_class),
      capacity_(capacity_of(size_class)),
      bytes_(memory_->allocate(size_class)) {}

ReceiveMemory::Piece::~Piece() { memory_->give_back(hops_, size_class_, std::move(bytes_)); }

ReceiveMemory::ReceiveMemory(std::size_t bytes)
    : budget_(bytes - std::min(bytes, (MemoryBudget::kHopsMax + 1) * kReserveBytes),
              kReserveBytes) {}

std::size_t ReceiveMemory::capacity_of(std::size_t size_class) {
  return kPieceSizes.at(size_class) + kSlack;
}

std::size_t ReceiveMemory::size_class_of(std::size_t bytes) {
  std::size_t size_class = 0;
  while (capacity_of(size_class) < bytes) ++size_class;
  return size_class;
}

std::unique_ptr<std::byte[]> ReceiveMemory::allocate(std::size_t size_class) {
  {
    const std::lock_guard lock(mutex_);
    auto& free = free_.at(size_class);
    if (!free.empty()) {
      auto bytes = std::move(free.back());
      free.pop_back();
      free_bytes_ -= capacity_of(size_class);
      return bytes;
    }
  }
  return std::unique_ptr<std::byte[]>(new std::byte[capacity_of(size_class)]);
}

void ReceiveMemory::give_back(std::size_t hops, std::size_t size_class,
                              std::unique_ptr<std::byte[]> bytes) {
  const std::size_t capacity = capacity_of(size_class);
  const std::lock_guard lock(mutex_);
  if (free_bytes_ + capacity <= kKeptBytes) {
    free_.at(size_class).push_back(std::move(bytes));
    free_bytes_ += capacity;
  }
  budget_.give_back(hops, capacity);
  tell(budget_.grant(), true);
}

void ReceiveMemory::tell(const std::vector<MemoryBudget::Ticket>& tickets, bool granted) {
  for (const auto ticket : tickets) {
    const auto found = waits_.find(ticket);
    MDFS_ASSERT(found != waits_.end());
    MemoryWait& wait = *found->second;
    waits_.erase(found);
    wait.state_ = granted ? MemoryWait::State::kGranted : MemoryWait::State::kOver;
    if (closed_ || !wait.sleeping_) continue;
    asio::post(wait.executor_, [shared = wait.shared_] { shared->signal.notify(); });
  }
}

void ReceiveMemory::expire(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  tell(budget_.expire(now), false);
}

void ReceiveMemory::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

std::size_t ReceiveMemory::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return budget_.used_bytes();
}

std::size_t ReceiveMemory::waiting() const {
  const std::lock_guard lock(mutex_);
  return budget_.waiting();
}

MemoryWait::MemoryWait(const asio::any_io_executor& executor, std::shared_ptr<ReceiveMemory> memory,
                       std::size_t hops, std::size_t bytes, Clock::time_point deadline)
    : executor_(executor),
      memory_(std::move(memory)),
      hops_(hops),
      size_class_(ReceiveMemory::size_class_of(bytes)),
      deadline_(deadline),
      shared_(std::make_shared<Shared>(executor)) {
  const std::lock_guard lock(memory_->mutex_);
  ticket_ = memory_->budget_.ask(hops_, ReceiveMemory::capacity_of(size_class_), deadline);
  memory_->waits_.emplace(ticket_, this);
  memory_->tell(memory_->budget_.grant(), true);
}

MemoryWait::~MemoryWait() {
  const std::lock_guard lock(memory_->mutex_);
  if (state_ == State::kQueued) {
    memory_->budget_.cancel(ticket_);
    memory_->waits_.erase(ticket_);
  } else if (state_ == State::kGranted) {
    memory_->budget_.give_back(hops_, ReceiveMemory::capacity_of(size_class_));
  }
  // What stood behind it may fit.
  memory_->tell(memory_->budget_.grant(), true);
}

void MemoryWait::cancel() {
  const std::lock_guard lock(memory_->mutex_);
  if (state_ != State::kQueued) return;
  memory_->budget_.cancel(ticket_);
  memory_->waits_.erase(ticket_);
  state_ = State::kOver;
  shared_->signal.notify();
  memory_->tell(memory_->budget_.grant(), true);
}

asio::awaitable<std::unique_ptr<ReceiveMemory::Piece>> MemoryWait::piece() {
  for (;;) {
    {
      const std::lock_guard lock(memory_->mutex_);
      if (state_ != State::kQueued) break;
      sleeping_ = true;
    }
    co_await shared_->signal.wait(deadline_);
    if (Clock::now() >= deadline_) cancel();
  }
  {
    const std::lock_guard lock(memory_->mutex_);
    if (state_ != State::kGranted) co_return nullptr;
    state_ = State::kOver;  // From here on the piece holds the lease.
  }
  co_return std::make_unique<ReceiveMemory::Piece>(memory_, hops_, size_class_);
}

}  // namespace minidfs::transfer
