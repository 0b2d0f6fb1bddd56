#include "http/page/page_answer.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "http/field_text.hpp"
#include "http/page/page_files.hpp"

namespace minidfs::http::page {
namespace {

// What the page may do: run its own scripts, ask its own server, and nothing else. No text can
// become HTML by a script, and no other site can show the page in a frame.
constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

constexpr char kPlainText[] = "text/plain; charset=utf-8";

struct Type {
  std::string_view ending;
  std::string_view name;
};

constexpr std::array<Type, 4> kTypes{{
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
}};

std::string_view type_of(std::string_view path) {
  for (const auto& type : kTypes) {
    if (path.ends_with(type.ending)) return type.name;
  }
  return "application/octet-stream";
}

const PageFile* find_file(std::string_view path) {
  if (path == "/") path = "/index.html";
  const auto files = page_files();
  const auto found = std::find_if(files.begin(), files.end(),
                                  [&](const PageFile& file) { return file.path == path; });
  return found == files.end() ? nullptr : &*found;
}

// Whether the client says that it has this version (RFC 9110, 13.1.2). The comparison is the weak
// one: a cache on the way may have marked the tag. Our tags have no comma in them.
bool has_version(std::string_view tags, std::string_view tag) {
  while (!tags.empty()) {
    const auto end = std::min(tags.find(','), tags.size());
    auto one = trimmed(tags.substr(0, end));
    if (one == "*") return true;
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag) return true;
    tags.remove_prefix(std::min(end + 1, tags.size()));
  }
  return false;
}

Response refusal(unsigned status) {
  auto response = text_response(status, kPlainText, std::string(reason_of(status)) + "\n");
  response.head.fields.add("X-Content-Type-Options", "nosniff");
  return response;
}

Response with_file(const PageFile& file, const RequestHead& request) {
  Response response;
  auto& fields = response.head.fields;
  fields.add("ETag", std::string(file.tag));
  fields.add("Cache-Control", "no-cache");
  fields.add("Content-Security-Policy", kPolicy);
  fields.add("X-Content-Type-Options", "nosniff");
  if (has_version(request.fields.find("If-None-Match").value_or(""), file.tag)) {
    response.head.status = 304;
    return response;
  }
  fields.add("Content-Type", std::string(type_of(file.path)));
  response.body = file.content;
  return response;
}

}  // namespace

Response page_answer(const RequestHead& request) {
  if (request.method != "GET" && !request.is_head()) {
    auto response = refusal(405);
    response.head.fields.add("Allow", "GET, HEAD");
    return response;
  }
  const auto* file = find_file(request.path);
  return file == nullptr ? refusal(404) : with_file(*file, request);
}

}  // namespace minidfs::http::page
