// A JSON document that is sent while it is made, so that its length costs no memory.
#pragma once

#include <string>
#include <string_view>

#include "http/exchange.hpp"

namespace minidfs::http::rest {

class JsonStream {
 public:
  // REQUIRES: nothing was answered yet; `exchange` outlives this.
  explicit JsonStream(Exchange& exchange) : exchange_(exchange) {}

  // The next piece of the text. The response begins when there is enough of it, or at the end.
  asio::awaitable<Status> add(std::string_view text);
  asio::awaitable<Status> end();

 private:
  asio::awaitable<Status> flush();

  Exchange& exchange_;
  std::string text_;
};

}  // namespace minidfs::http::rest
