// A new file that comes as the body of a request, and is so small that it is taken as a whole and
// written together with others (client::put_small).
#pragma once

#include "client/async/async_files.hpp"
// The above comes first: see net/asio.hpp.
#include <string>

#include "http/exchange.hpp"

namespace minidfs::http {

// By the length that the request announces.
bool brings_small_file(const RequestHead& request, const client::ClientContext& context,
                       const client::UploadSettings& settings);

// Waits until the file is visible. Nothing is left of one whose body ends early. Errors are those
// of Exchange::read_body(), and of put_small(). REQUIRES: brings_small_file().
asio::awaitable<Status> receive_small_file(Exchange& exchange, client::ClientContext& context,
                                           std::string path, client::UploadSettings settings);

}  // namespace minidfs::http
