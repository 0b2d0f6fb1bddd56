// Who may use a server, and how those who may not are told so: the door before the handlers of all
// routes. Without tokens everybody may, as whoever he says he is. Immutable; any thread.
#pragma once

#include "http/exchange.hpp"
// The above comes first: see net/asio.hpp.
#include <optional>
#include <string>
#include <vector>

#include "auth/credentials.hpp"
#include "http/access/cors.hpp"
#include "http/access/step_signer.hpp"
#include "http/access/tokens.hpp"

namespace minidfs::http::access {

struct AccessOptions {
  std::optional<Tokens> tokens;
  auth::CredentialsPtr credentials;       // What signs second steps; see StepSigner.
  std::vector<std::string> cors_origins;  // See CorsPolicy.
};

// What a family of routes has of its own.
struct Door {
  // Its answer to who may not: 401, which asks for a token, or 403.
  Response (*refusal)(unsigned status, std::string message) = nullptr;
  // Whether it redirects to second steps, which need no token when this server's kind signed them.
  bool has_signed_steps = false;
};

// Of routes for people and programs that read no JSON.
Response plain_refusal(unsigned status, std::string message);

class Access {
 public:
  explicit Access(AccessOptions options);

  // The same handler for those who may. The exchange then knows who asks, when his token says so.
  Handler guarded(const Door& door, Handler handler) const;

  bool asks_for_tokens() const { return tokens_.has_value(); }
  // Whether no other process would take a second step for permitted.
  bool steps_stay() const { return asks_for_tokens() && !signer_.is_shared(); }
  // Where a second step is to be asked, with leave to do so where leave is needed.
  std::string signed_step(std::string url) const;
  // Whether the request comes from a page of another site that may change nothing here.
  bool is_foreign(const Fields& request) const;

 private:
  struct Refused {
    unsigned status;
    std::string message;
  };

  asio::awaitable<void> pass(Exchange& exchange, const Door& door, const Handler& handler) const;
  // Nothing: he may.
  std::optional<Refused> judge(Exchange& exchange, const Door& door) const;

  const std::optional<Tokens> tokens_;
  const StepSigner signer_;
  const CorsPolicy cors_;
};

}  // namespace minidfs::http::access
