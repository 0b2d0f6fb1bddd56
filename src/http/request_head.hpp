// A request's head as Beast has parsed it, in our terms.
#pragma once

#include "http/connection.hpp"
#include "http/message.hpp"

namespace minidfs::http {

// kInvalidArgument for a target that is no path, kUnsupported for a body in a transfer coding other
// than "chunked". REQUIRES: the header is there.
Result<RequestHead> request_head(const RequestParser& parser, const Peer& remote,
                                 const Peer& local);

}  // namespace minidfs::http
