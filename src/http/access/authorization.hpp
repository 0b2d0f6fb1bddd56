// The token that a request shows: RFC 6750 (Bearer), RFC 7617 (Basic). Pure.
#pragma once

#include <optional>
#include <string>

#include "http/message.hpp"

namespace minidfs::http::access {

struct ShownToken {
  std::string token;
  // It came as a password (Basic): a browser keeps it, and sends it for the pages of other sites as
  // well.
  bool as_password = false;
};

// None when there is none, more than one, or what cannot be read.
std::optional<ShownToken> shown_token(const Fields& fields);

}  // namespace minidfs::http::access
