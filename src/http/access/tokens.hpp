// The tokens by which those who may use HTTP are known, from a file that the operator keeps
// (docs/operations.md, "Who may use HTTP"). Immutable; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/crypto.hpp"
#include "base/result.hpp"

namespace minidfs::http::access {

// Who shows a token.
struct Bearer {
  std::string user;  // Empty: whoever he says he is.
};

class Tokens {
 public:
  // The file is its owner's alone: see auth::read_private_file().
  static Result<Tokens> load(const std::string& path);
  // The same without the file. `name` is for errors, which are kInvalidArgument and name the line.
  static Result<Tokens> parse(std::string_view text, const std::string& name);

  // None for what is no token. How long it takes says nothing of the tokens that there are.
  std::optional<Bearer> find(std::string_view token) const;
  std::size_t count() const { return known_.size(); }

 private:
  // Codes are compared instead of tokens: all are of one length.
  struct Known {
    auth::Bytes32 code;
    Bearer bearer;
  };

  Tokens() : key_(auth::random_bytes()) {}
  auth::Bytes32 code_of(std::string_view token) const;
  // Takes a line that is neither empty nor a comment; says what is wrong with it.
  Status add(std::string_view line);

  auth::Key key_;
  std::vector<Known> known_;
};

}  // namespace minidfs::http::access
