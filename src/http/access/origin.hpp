// Whether a request that changes something comes from a page of another site. Pure.
#pragma once

#include "http/message.hpp"

namespace minidfs::http::access {

// A browser sends requests for any page that is open in it, and says for whom (Origin). Those of
// pages that this server has given itself, and of programs that are no browser, are not foreign.
bool is_foreign(const Fields& fields);

}  // namespace minidfs::http::access
