#include "http/access/tokens.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "auth/private_file.hpp"
#include "http/field_text.hpp"
#include "http/user_name.hpp"

namespace minidfs::http::access {
namespace {

constexpr std::uint64_t kFileBytesMax = 64 << 10;
constexpr std::size_t kTokenCharactersMin = 16;

bool is_printable(char c) { return c > ' ' && c <= '~'; }

}  // namespace

Result<Tokens> Tokens::load(const std::string& path) {
  MDFS_TRY(auto text, auth::read_private_file(path, "list of tokens", kFileBytesMax));
  auto tokens = parse(text, path);
  auth::wipe(std::as_writable_bytes(std::span(text)));
  return tokens;
}

Result<Tokens> Tokens::parse(std::string_view text, const std::string& name) {
  Tokens tokens;
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto line = take_until(text, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trimmed(line);
    if (line.empty() || line.front() == '#') continue;
    const auto added = tokens.add(line);
    if (!added.ok()) {
      return Error{added.error().code,
                   name + ":" + std::to_string(number) + ": " + added.error().message};
    }
  }
  if (tokens.known_.empty()) {
    return Error{Errc::kInvalidArgument, name + ": holds no token, so that nobody could get in"};
  }
  return tokens;
}

// The token itself is never told: errors are logged.
Status Tokens::add(std::string_view line) {
  Bearer bearer;
  const auto colon = line.find(':');
  if (colon != std::string_view::npos) {
    bearer.user = line.substr(0, colon);
    line.remove_prefix(colon + 1);
    if (!is_user_name(bearer.user)) {
      return Error{Errc::kInvalidArgument,
                   "what stands before the colon is no name of a user (USER:TOKEN)"};
    }
  }
  const bool printable = std::all_of(line.begin(), line.end(), is_printable);
  if (!printable || line.find(':') != std::string_view::npos) {
    return Error{Errc::kInvalidArgument,
                 "a token consists of printable ASCII characters, without space or colon"};
  }
  if (line.size() < kTokenCharactersMin) {
    return Error{Errc::kInvalidArgument,
                 "a token has at least " + std::to_string(kTokenCharactersMin) +
                     " characters, this one " + std::to_string(line.size())};
  }
  if (find(line)) return Error{Errc::kInvalidArgument, "this token stands in an earlier line too"};
  known_.push_back({code_of(line), std::move(bearer)});
  return {};
}

auth::Bytes32 Tokens::code_of(std::string_view token) const {
  return auth::authentication_code(key_, std::as_bytes(std::span(token)));
}

std::optional<Bearer> Tokens::find(std::string_view token) const {
  const auto code = code_of(token);
  const Known* found = nullptr;
  for (const auto& each : known_) {
    if (auth::same(each.code, code)) found = &each;
  }
  return found == nullptr ? std::nullopt : std::optional(found->bearer);
}

}  // namespace minidfs::http::access
