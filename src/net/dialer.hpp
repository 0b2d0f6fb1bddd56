// Connecting to a host, whichever of its addresses answers, without blocking: on the loop of the
// caller, to whose thread everything here belongs. dial() is the same for those who wait.
#pragma once

#include <vector>

#include "base/file.hpp"
#include "net/answer.hpp"
#include "net/look_up.hpp"

namespace minidfs::net {

class Dialer {
 public:
  explicit Dialer(asio::any_io_executor executor)
      : executor_(std::move(executor)), wake_(executor_) {}

  // As dial() says. The object outlives the operation; one at a time.
  asio::awaitable<Result<UniqueFd>> connect(Host host, Deadline deadline);
  asio::awaitable<Result<UniqueFd>> connect(Host host, std::vector<Address> addresses,
                                            Deadline deadline);

  // What is under way ends with kCancelled, and all that follows.
  void cancel();

 private:
  struct Tries;
  struct EndOfTries;

  asio::any_io_executor executor_;
  asio::steady_timer wake_;             // A try has ended, or the time has come to look.
  Answer<Addresses>* found_ = nullptr;  // While the name is looked up.
  bool cancelled_ = false;
};

}  // namespace minidfs::net
