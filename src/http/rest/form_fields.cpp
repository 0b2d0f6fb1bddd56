#include "http/rest/form_fields.hpp"

#include "http/field_text.hpp"
#include "http/rest/field_parameters.hpp"
#include "http/uri.hpp"
#include "metadata/path.hpp"

namespace minidfs::http::rest {
namespace {

// "UTF-8''na%C3%AFve.txt" (RFC 8187). Forms should not use it; some clients do.
Result<std::string> extended_value(std::string_view text) {
  const Error error{Errc::kInvalidArgument,
                    "\"" + std::string(text) + "\": not a file name in UTF-8"};
  if (lower_case(take_until(text, '\'')) != "utf-8") return error;
  take_until(text, '\'');  // The language.
  auto name = unescape_path(text);
  return name.ok() ? name : error;
}

std::string_view last_component(std::string_view path) {
  return path.substr(path.find_last_of("/\\") + 1);
}

}  // namespace

Result<std::string> boundary_of(const Fields& request) {
  const auto field = request.find("Content-Type");
  const auto type = field ? parse_parameterized(*field) : std::nullopt;
  if (!type || type->value != "multipart/form-data") {
    return Error{Errc::kUnsupported, "files are uploaded as multipart/form-data"};
  }
  auto boundary = type->find("boundary");
  if (boundary) return *std::move(boundary);
  return Error{Errc::kInvalidArgument, "the form has no boundary"};
}

Result<std::optional<std::string>> file_name_of(const Fields& part) {
  const auto field = part.find("Content-Disposition");
  const auto disposition = field ? parse_parameterized(*field) : std::nullopt;
  if (!disposition || disposition->value != "form-data") {
    return Error{Errc::kInvalidArgument, "a part of the form does not say what it is"};
  }
  auto given = disposition->find("filename");
  if (const auto extended = disposition->find("filename*")) {
    MDFS_TRY(given, extended_value(*extended));
  }
  if (!given) return std::optional<std::string>();
  std::string name(last_component(*given));
  if (const auto valid = metadata::check_name(name); !valid.ok()) {
    return Error{Errc::kInvalidArgument, "\"" + *given + "\" is no name of a file"};
  }
  return std::optional(std::move(name));
}

}  // namespace minidfs::http::rest
