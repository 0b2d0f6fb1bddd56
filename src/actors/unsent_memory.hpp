// A bound on what waits to be sent to peers that do not read, of one connection and of all of one
// event loop. Beyond it the connection for which most is waiting is closed. A value of one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <utility>

namespace minidfs::actors {

// Of one connection.
inline constexpr std::size_t kUnsentBytesMax = 64U << 20U;
// Of all connections of an event loop; what is below kUnsentFreeBytes of each does not count.
inline constexpr std::size_t kUnsentFreeBytes = 16U << 10U;
inline constexpr std::size_t kUnsentMemoryBytes = 512U << 20U;

class UnsentMemory {
 public:
  // What waits for the peer of one connection. Ends with the connection.
  class Share {
   public:
    // `close` is called, once, when too much waits.
    Share(std::shared_ptr<UnsentMemory> memory, std::function<void()> close);
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // So many bytes wait besides those that are being sent.
    void queued(std::size_t bytes);
    // So many are being sent, of which `sent` have just gone. More than were left before: what was
    // queued is being sent now.
    void sending(std::size_t bytes, std::size_t sent);

   private:
    friend class UnsentMemory;
    void update();
    void count(std::size_t bytes);
    void give_up();

    const std::shared_ptr<UnsentMemory> memory_;
    const std::function<void()> close_;
    std::size_t queued_bytes_ = 0;
    std::size_t sending_bytes_ = 0;
    std::size_t counted_bytes_ = 0;
    bool closed_ = false;
  };

  explicit UnsentMemory(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  std::size_t used_bytes() const { return used_bytes_; }

 private:
  const std::size_t bytes_max_;
  std::size_t used_bytes_ = 0;
  std::set<std::pair<std::size_t, Share*>> shares_;  // Those with bytes, the largest last.
};

}  // namespace minidfs::actors
