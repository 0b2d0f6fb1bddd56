// Who may hold how much of the data plane's receive memory, as a value: no bytes, no threads and no
// clock in it. ReceiveMemory puts it to work.
//
// A request says how many further nodes its bytes must go to (its hops). Bytes with 0 hops wait for
// nothing but the local disk; bytes with k hops also wait for the next node to take them, where
// they are bytes with k - 1 hops. Each number of hops has a reserve that no other can use, so a
// request waits for good only for leases of the same number here, and these only for smaller
// numbers there: no circle of nodes can wait for one another. What is no reserve is shared by all.
//
// Invariant: for a class with `used_`, the part of it above the reserve counts as shared, and the
// sum of these parts never exceeds shared_bytes_.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace minidfs::transfer {

class MemoryBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Ticket = std::uint64_t;  // Counts up with each request.
  static constexpr std::size_t kHopsMax = 15;

  // Each number of hops has `reserve_bytes` of its own besides the `shared_bytes` of all.
  MemoryBudget(std::size_t shared_bytes, std::size_t reserve_bytes);

  // Queues a request. REQUIRES: hops <= kHopsMax, 0 < bytes <= reserve_bytes.
  Ticket ask(std::size_t hops, std::size_t bytes, Time deadline);
  // Takes back a request that is not decided; false when it is not queued.
  bool cancel(Ticket ticket);
  // Ends a lease. REQUIRES: granted with the same numbers and not yet given back.
  void give_back(std::size_t hops, std::size_t bytes);

  // Grants what fits now, and tells which requests these are: in the order of their arrival, but
  // one of another number of hops does not wait for those that do not fit.
  std::vector<Ticket> grant();
  // Removes the requests whose deadline has come, and tells which these are.
  std::vector<Ticket> expire(Time now);

  std::size_t used_bytes() const;
  std::size_t waiting() const;
  std::size_t limit_bytes() const { return shared_bytes_ + kClasses * reserve_bytes_; }

 private:
  static constexpr std::size_t kClasses = kHopsMax + 1;
  struct Request {
    std::size_t bytes = 0;
    Time deadline;
  };

  std::size_t above_reserve(std::size_t used) const;
  bool fits(std::size_t hops, std::size_t bytes) const;

  std::size_t shared_bytes_;
  std::size_t reserve_bytes_;
  std::size_t shared_used_ = 0;
  std::array<std::size_t, kClasses> used_{};
  std::array<std::map<Ticket, Request>, kClasses> waiting_;
  Ticket last_ = 0;
};

}  // namespace minidfs::transfer
