#include "http/access/step_signer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random_id.hpp"
#include "base/units.hpp"
#include "http/field_text.hpp"
#include "http/uri.hpp"

namespace minidfs::http::access {
namespace {

constexpr std::string_view kPurpose = "minidfs http step 1";
constexpr std::string_view kScheme = "http://";
constexpr char kKey[] = "minidfs.key";
constexpr char kExpires[] = "minidfs.expires";
constexpr char kSignature[] = "minidfs.signature";

// Where a step is asked, and what for.
struct Step {
  std::string_view authority;  // HOST:PORT.
  std::string_view path;       // Escaped.
  std::string_view query;      // Escaped.
};

// Browsers and libraries leave out the port that is HTTP's own.
std::string whole_authority(std::string_view authority) {
  return with_port(lower_case(trimmed(authority)), 80);
}

// Of a file that may be read, any part may be: Java's client puts the place that it wants into the
// URL itself.
bool is_free(std::string_view name, bool reads) {
  return name == kSignature || (reads && (name == "offset" || name == "length"));
}

// All that a step says, in one form: clients may escape and order the parameters in another way,
// but of those of one name the first one counts.
Result<std::string> canonical_text(const Step& step, const Query& query) {
  MDFS_TRY(const auto path, unescape_path(step.path));
  std::vector<std::pair<std::string, std::string>> parameters;
  const bool reads = same_name(query.find("op").value_or(""), "OPEN");
  for (const auto& [name, value] : query.all()) {
    auto lower = lower_case(name);
    if (!is_free(lower, reads)) parameters.emplace_back(std::move(lower), value);
  }
  std::stable_sort(parameters.begin(), parameters.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text = whole_authority(step.authority) + '\n' + escape_path(path) + '\n';
  for (const auto& [name, value] : parameters) {
    text += escape_query(name) + '=' + escape_query(value) + '\n';
  }
  return text;
}

auth::Bytes32 code_of(const auth::Key& key, std::string_view text) {
  return auth::authentication_code(auth::derive_key(key, kPurpose), std::as_bytes(std::span(text)));
}

using Words = std::array<std::uint64_t, 4>;

std::string digits_of(const auth::Bytes32& code) {
  std::string digits;
  for (const auto word : std::bit_cast<Words>(code)) digits += hex_64(word);
  return digits;
}

Result<auth::Bytes32> parse_code(std::string_view digits) {
  constexpr std::size_t kHalf = 32;
  if (digits.size() != 2 * kHalf) return Error{Errc::kInvalidArgument, "is no signature"};
  MDFS_TRY(const auto first, parse_128(digits.substr(0, kHalf), kSignature));
  MDFS_TRY(const auto second, parse_128(digits.substr(kHalf), kSignature));
  return std::bit_cast<auth::Bytes32>(Words{first.high, first.low, second.high, second.low});
}

// Nothing of ours may be said twice: else a signed step could hide it behind one of its asker's.
std::optional<std::string> only_value(const Query& query, const char* name) {
  auto values = query.find_all(name);
  return values.size() == 1 ? std::optional(std::move(values.front())) : std::nullopt;
}

// REQUIRES: begins with kScheme.
Step step_of(std::string_view url) {
  url.remove_prefix(kScheme.size());
  const auto path = std::min(url.find('/'), url.size());
  const auto query = std::min(url.find('?'), url.size());
  return {url.substr(0, path), url.substr(path, query - path),
          url.substr(std::min(query + 1, url.size()))};
}

}  // namespace

StepSigner::StepSigner(auth::CredentialsPtr credentials) : credentials_(std::move(credentials)) {
  if (credentials_) {
    own_ = credentials_->own(auth::Role::kClient).value();
  } else {
    own_ = {random_id<auth::KeyId>(), auth::Key(auth::random_bytes())};
  }
}

std::optional<auth::Key> StepSigner::find_key(auth::KeyId id) const {
  if (id == own_.id) return own_.key;
  if (!credentials_ || !credentials_->holds_secret()) return std::nullopt;
  auto key = credentials_->of_peer(auth::Role::kClient, id);
  return key.ok() ? std::optional(*std::move(key)) : std::nullopt;
}

std::string StepSigner::sign(std::string url, std::int64_t now_s) const {
  MDFS_ASSERT(url.starts_with(kScheme));
  url += std::string("&") + kKey + '=' + to_string(own_.id) + '&' + kExpires + '=' +
         std::to_string(now_s + kStepLifetime.count());
  const auto step = step_of(url);
  const auto query = Query::parse(step.query);
  MDFS_ASSERT(query.ok());
  const auto text = canonical_text(step, *query);
  MDFS_ASSERT(text.ok());
  const auto code = code_of(own_.key, *text);
  return std::move(url) + '&' + kSignature + '=' + digits_of(code);
}

bool StepSigner::permits(const RequestHead& request, std::int64_t now_s) const {
  const auto query = Query::parse(request.query);
  if (!query.ok()) return false;
  const auto signature = only_value(*query, kSignature);
  const auto expires = only_value(*query, kExpires);
  const auto key_id = only_value(*query, kKey);
  if (!signature || !expires || !key_id) return false;
  const auto code = parse_code(*signature);
  const auto id = parse_128(*key_id, kKey);
  const auto until_s = parse_number(*expires);
  if (!code.ok() || !id.ok() || !until_s) return false;
  const auto key = find_key({id->high, id->low});
  const Step step{request.fields.find("Host").value_or(""), request.path, request.query};
  const auto text = canonical_text(step, *query);
  if (!key || !text.ok()) return false;
  return auth::same(code_of(*key, *text), *code) && now_s <= static_cast<std::int64_t>(*until_s);
}

}  // namespace minidfs::http::access
