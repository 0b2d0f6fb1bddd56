// A loop for one caller, on which it runs the operations of asynchronous objects to their end. This
// is all that the blocking calls of the network consist of. For one thread at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>

#include "base/result.hpp"
#include "net/asio.hpp"

namespace minidfs::net {

class BlockingLoop {
 public:
  // While `cancelled` is set, operations are cancelled within a tenth of a second. It may be null.
  // kUnavailable when there are no descriptors left, of which a loop has three.
  static Result<std::unique_ptr<BlockingLoop>> make(const std::atomic<bool>* cancelled = nullptr) {
    std::unique_ptr<BlockingLoop> loop(new BlockingLoop(cancelled));
    MDFS_CHECK(prepare(loop->io_));
    return loop;
  }

  asio::any_io_executor executor() { return io_.get_executor(); }

  // Waits for the operation, of an object on executor() whose cancel() ends it early.
  template <class T, class Object>
  T run(Object& object, asio::awaitable<T> operation) {
    std::optional<T> result;
    bool ended = false;
    std::exception_ptr failure;
    io_.restart();
    asio::co_spawn(
        io_,
        [&]() -> asio::awaitable<void> {
          T value = co_await std::move(operation);
          result.emplace(std::move(value));
        },
        [&](std::exception_ptr thrown) {
          ended = true;
          failure = std::move(thrown);
        });
    wait(object, ended);
    if (failure) std::rethrow_exception(failure);
    return *std::move(result);
  }
  template <class Object>
  void run(Object& object, asio::awaitable<void> operation) {
    const auto valued = [](asio::awaitable<void> inner) -> asio::awaitable<bool> {
      co_await std::move(inner);
      co_return true;
    };
    run(object, valued(std::move(operation)));
  }

 private:
  static constexpr std::chrono::milliseconds kLook{100};

  explicit BlockingLoop(const std::atomic<bool>* cancelled) : cancelled_(cancelled) {}

  template <class Object>
  void wait(Object& object, const bool& ended) {
    while (!ended) {
      if (cancelled_ == nullptr) {
        io_.run_one();
      } else {
        if (*cancelled_) object.cancel();
        io_.run_one_for(kLook);
      }
      // A coroutine that nothing can wake would be waited for without end.
      MDFS_ASSERT(ended || !io_.stopped());
    }
  }

  const std::atomic<bool>* cancelled_;
  asio::io_context io_{1};
};

}  // namespace minidfs::net
