// What a request says of the files that it brings, and its body.
#pragma once

#include <cstddef>
#include <span>

#include "http/incoming/incoming_file.hpp"
#include "http/rest/rest_call.hpp"

namespace minidfs::http::rest {

// How files are to be stored, by "replication", "block_size" and "compression". kInvalidArgument
// for values that are none.
Result<client::UploadSettings> upload_settings(const RestCall& call);

// The next bytes of the request's body; none at its end. kInvalidArgument for one that is not
// framed as it says.
asio::awaitable<Result<std::span<const std::byte>>> next_of_body(Exchange& exchange);

}  // namespace minidfs::http::rest
