#include "http/background_loop.hpp"

#include <pthread.h>

#include <exception>
#include <utility>

#include "base/logging.hpp"

namespace minidfs::http {

BackgroundLoop::BackgroundLoop()
    : work_(io_.get_executor()), thread_([this] {
        pthread_setname_np(pthread_self(), "http-self");
        io_.run();
      }) {}

BackgroundLoop::~BackgroundLoop() {
  io_.stop();
  thread_.join();
}

void BackgroundLoop::start(std::string name, std::function<asio::awaitable<void>()> work) {
  asio::co_spawn(io_, std::move(work), [name = std::move(name)](const std::exception_ptr& failure) {
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      log_error("http", "{}: {}", name, error.what());
    }
  });
}

}  // namespace minidfs::http
