#include "http/exchange.hpp"

namespace minidfs::http {

asio::awaitable<Result<std::string>> Exchange::read_whole_body(std::size_t bytes_max) {
  std::string body;
  for (;;) {
    auto bytes = co_await read_body();
    if (!bytes.ok()) co_return std::move(bytes).error();
    if (bytes->empty()) co_return body;
    if (bytes->size() > bytes_max - body.size()) {
      co_return Error{Errc::kTooLarge, "the body of the request has more than " +
                                           std::to_string(bytes_max) + " bytes"};
    }
    body.append(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }
}

}  // namespace minidfs::http
