// A thread for what an HTTP server does by itself, beside answering requests: coroutines on one
// loop, which end with it wherever they are. A thread that waits costs nothing.
#pragma once

#include "net/asio.hpp"
// The above comes first: see there.
#include <boost/asio/executor_work_guard.hpp>
#include <functional>
#include <string>
#include <thread>

namespace minidfs::http {

class BackgroundLoop {
 public:
  BackgroundLoop();
  // Joins the thread. What the coroutines use outlives this.
  ~BackgroundLoop();
  BackgroundLoop(const BackgroundLoop&) = delete;
  BackgroundLoop& operator=(const BackgroundLoop&) = delete;

  // Any thread. `name` stands in the log when it ends by an exception.
  void start(std::string name, std::function<asio::awaitable<void>()> work);

 private:
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

}  // namespace minidfs::http
