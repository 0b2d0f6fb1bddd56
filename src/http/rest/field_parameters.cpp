#include "http/rest/field_parameters.hpp"

#include "http/field_text.hpp"

namespace minidfs::http::rest {
namespace {

// Takes a quoted value, whose first quote is gone, and its end off the front.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string value;
  while (!text.empty()) {
    const bool escape = text.starts_with("\\\"") || text.starts_with("\\\\");
    if (escape) text.remove_prefix(1);
    const char byte = text.front();
    text.remove_prefix(1);
    if (byte == '"' && !escape) return value;
    value += byte;
  }
  return std::nullopt;
}

// Takes "name=value" off the front, and the ';' behind it.
std::optional<std::pair<std::string, std::string>> take_parameter(std::string_view& text) {
  const auto equals = text.find('=');
  if (equals == text.npos) return std::nullopt;
  auto name = lower_case(trimmed(text.substr(0, equals)));
  if (name.empty() || name.find_first_of(" \t\";") != name.npos) return std::nullopt;
  text = text.substr(equals + 1);
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  if (!text.starts_with('"')) {
    return std::pair(std::move(name), std::string(trimmed(take_until(text, ';'))));
  }
  text.remove_prefix(1);
  auto value = take_quoted(text);
  if (!value || !trimmed(take_until(text, ';')).empty()) return std::nullopt;
  return std::pair(std::move(name), *std::move(value));
}

}  // namespace

std::optional<std::string> ParameterizedValue::find(std::string_view name) const {
  for (const auto& [each, value_of_it] : parameters) {
    if (each == name) return value_of_it;
  }
  return std::nullopt;
}

std::optional<ParameterizedValue> parse_parameterized(std::string_view field) {
  ParameterizedValue result;
  result.value = lower_case(trimmed(take_until(field, ';')));
  if (result.value.empty()) return std::nullopt;
  while (!trimmed(field).empty()) {
    field = trimmed(field);
    if (field.front() == ';') {
      field.remove_prefix(1);
      continue;
    }
    auto parameter = take_parameter(field);
    if (!parameter) return std::nullopt;
    result.parameters.push_back(*std::move(parameter));
  }
  return result;
}

}  // namespace minidfs::http::rest
