// The receive memory of a data server: pieces of bytes under the rules of a MemoryBudget, shared by
// all its loops. A piece is taken only for bytes that have already arrived in the kernel, so nobody
// holds memory while it waits for its peer; what is held waits for the disk and the next node.
//
// A wait for a piece ends when the piece is granted, at its deadline, or when its owner (a
// connection) cancels it. Thread-safe but for MemoryWait, which belongs to a loop's thread.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "transfer/memory_budget.hpp"
#include "transfer/signal.hpp"

namespace minidfs::transfer {

class MemoryWait;

class ReceiveMemory : public std::enable_shared_from_this<ReceiveMemory> {
 public:
  // What one piece may hold at most.
  static constexpr std::size_t kPieceBytesMax = (1ULL << 20) + 4096;

  // A lease and its bytes. Goes back by its destruction, on any thread.
  class Piece {
   public:
    Piece(std::shared_ptr<ReceiveMemory> memory, std::size_t hops, std::size_t size_class);
    ~Piece();
    Piece(const Piece&) = delete;
    Piece& operator=(const Piece&) = delete;

    std::span<std::byte> bytes() const { return {bytes_.get(), capacity_}; }

   private:
    std::shared_ptr<ReceiveMemory> memory_;
    std::size_t hops_;
    std::size_t size_class_;
    std::size_t capacity_;
    std::unique_ptr<std::byte[]> bytes_;
  };

  explicit ReceiveMemory(std::size_t bytes);

  // Ends the waits whose deadline has come. Called by the loops' sweeps.
  void expire(Clock::time_point now);
  // No wait is granted any more. Called before the loops go.
  void close();

  std::size_t used_bytes() const;
  std::size_t waiting() const;

 private:
  friend class Piece;
  friend class MemoryWait;

  static constexpr std::size_t kSizes = 6;
  // Each number of hops can always have two of the largest pieces.
  static constexpr std::size_t kReserveBytes = 2 * kPieceBytesMax;
  static constexpr std::size_t kKeptBytes = 8ULL << 20;

  static std::size_t size_class_of(std::size_t bytes);
  static std::size_t capacity_of(std::size_t size_class);

  std::unique_ptr<std::byte[]> allocate(std::size_t size_class);
  void give_back(std::size_t hops, std::size_t size_class, std::unique_ptr<std::byte[]> bytes);
  // The lock is held, so that no wait goes away meanwhile.
  void tell(const std::vector<MemoryBudget::Ticket>& tickets, bool granted);

  mutable std::mutex mutex_;
  MemoryBudget budget_;
  bool closed_ = false;
  std::unordered_map<MemoryBudget::Ticket, MemoryWait*> waits_;
  std::array<std::vector<std::unique_ptr<std::byte[]>>, kSizes> free_;
  std::size_t free_bytes_ = 0;
};

// One wait for a piece, on one loop. Its destruction gives the place in the queue back.
class MemoryWait {
 public:
  // REQUIRES: bytes <= kPieceBytesMax.
  MemoryWait(const asio::any_io_executor& executor, std::shared_ptr<ReceiveMemory> memory,
             std::size_t hops, std::size_t bytes, Clock::time_point deadline);
  ~MemoryWait();
  MemoryWait(const MemoryWait&) = delete;
  MemoryWait& operator=(const MemoryWait&) = delete;

  // The piece; none after the deadline or cancel().
  asio::awaitable<std::unique_ptr<ReceiveMemory::Piece>> piece();
  void cancel();

 private:
  friend class ReceiveMemory;
  enum class State : std::uint8_t { kQueued, kGranted, kOver };
  // Outlives the wait in what was posted to the loop.
  struct Shared {
    explicit Shared(const asio::any_io_executor& executor) : signal(executor) {}
    Signal signal;
  };

  asio::any_io_executor executor_;
  std::shared_ptr<ReceiveMemory> memory_;
  std::size_t hops_;
  std::size_t size_class_;
  Clock::time_point deadline_;
  std::shared_ptr<Shared> shared_;
  MemoryBudget::Ticket ticket_ = 0;
  // Guarded by the memory's lock.
  State state_ = State::kQueued;
  bool sleeping_ = false;
};

}  // namespace minidfs::transfer
