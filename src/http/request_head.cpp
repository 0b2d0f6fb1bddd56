#include "http/request_head.hpp"

#include <string_view>

namespace minidfs::http {
namespace {

constexpr std::string_view kScheme = "http://";

// The path of a target in absolute form, which a client uses that takes this for a proxy (RFC 9112,
// 3.2.2); others stay.
std::string_view without_authority(std::string_view target) {
  if (target.size() < kScheme.size() || !same_name(target.substr(0, kScheme.size()), kScheme)) {
    return target;
  }
  target.remove_prefix(kScheme.size());
  const auto path = target.find_first_of("/?");
  return path == std::string_view::npos ? "/" : target.substr(path);
}

std::string text_of(beast::string_view view) { return {view.data(), view.size()}; }

}  // namespace

Result<RequestHead> request_head(const RequestParser& parser, const Peer& remote,
                                 const Peer& local) {
  const auto& message = parser.get();
  RequestHead head;
  head.method = text_of(message.method_string());
  const auto full_target = text_of(message.target());
  auto target = without_authority(full_target);
  target = target.substr(0, target.find('#'));
  const auto query = target.find('?');
  head.path = target.substr(0, query);
  if (query != std::string_view::npos) head.query = target.substr(query + 1);
  if (!head.path.starts_with('/') && !(head.path == "*" && head.method == "OPTIONS")) {
    return Error{Errc::kInvalidArgument, "\"" + head.path.substr(0, 80) + "\": not a path"};
  }
  for (const auto& field : message) {
    head.fields.add(text_of(field.name_string()), text_of(field.value()));
  }
  head.chunked = parser.chunked();
  if (!head.chunked && head.fields.find("Transfer-Encoding")) {
    return Error{Errc::kUnsupported,
                 "Transfer-Encoding: " + std::string(*head.fields.find("Transfer-Encoding")) +
                     ": only \"chunked\" is known"};
  }
  if (const auto length = parser.content_length(); !head.chunked && length) {
    head.content_length = *length;
  }
  head.remote = remote;
  head.local = local;
  return head;
}

}  // namespace minidfs::http
