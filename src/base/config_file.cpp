// Reads the TOML file of options; every error names the file and the line.

#include <fmt/core.h>
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/config.hpp"
#include "base/file.hpp"
#include "base/suggest.hpp"

namespace minidfs {
namespace {

constexpr std::size_t kFileLimitBytes = 1 << 20;

Error at_line(const std::string& path, const toml::source_region& place, std::string_view what) {
  return {Errc::kInvalidArgument,
          path + ":" + std::to_string(place.begin.line) + ": " + std::string(what)};
}

std::string_view wanted_form(TomlKind kind) {
  switch (kind) {
    case TomlKind::kString:
      return "a string";
    case TomlKind::kInteger:
      return "a whole number";
    case TomlKind::kFloat:
      return "a number";
    case TomlKind::kBoolean:
      return "true or false";
    case TomlKind::kStringOrInteger:
      return "a string or a whole number";
    case TomlKind::kStringOrArray:
      return "a string or an array of strings";
  }
  return "a value";
}

// The strings of an array, joined by commas; nothing when an element is no string or holds a comma.
std::optional<std::string> join_array(const toml::array& array) {
  std::string text;
  for (const auto& element : array) {
    const auto* item = element.as_string();
    if (item == nullptr || item->get().find(',') != std::string::npos) return std::nullopt;
    if (!text.empty()) text += ',';
    text += item->get();
  }
  return text;
}

// The value as text for Option::parse; nothing when its TOML type is not the option's.
std::optional<std::string> value_text(const toml::node& node, TomlKind kind) {
  const bool takes_string = kind == TomlKind::kString || kind == TomlKind::kStringOrInteger ||
                            kind == TomlKind::kStringOrArray;
  const bool takes_integer =
      kind == TomlKind::kInteger || kind == TomlKind::kFloat || kind == TomlKind::kStringOrInteger;
  if (const auto* text = node.as_string(); text != nullptr && takes_string) return text->get();
  if (const auto* number = node.as_integer(); number != nullptr && takes_integer) {
    return std::to_string(number->get());
  }
  if (const auto* number = node.as_floating_point();
      number != nullptr && kind == TomlKind::kFloat) {
    return fmt::format("{}", number->get());
  }
  if (const auto* value = node.as_boolean(); value != nullptr && kind == TomlKind::kBoolean) {
    return value->get() ? "true" : "false";
  }
  if (const auto* array = node.as_array(); array != nullptr && kind == TomlKind::kStringOrArray) {
    return join_array(*array);
  }
  return std::nullopt;
}

// The value as TOML, cut short: it may be a table.
std::string shown(const toml::node& node) {
  std::ostringstream text;
  node.visit([&](const auto& value) { text << value; });
  const std::string all = text.str();
  return all.substr(0, std::min<std::size_t>(all.find('\n'), 80));
}

std::string unknown_key(const std::string& key) {
  std::vector<std::string_view> known;
  for (const auto& option : option_table()) known.push_back(option.key);
  return "unknown key '" + key + "'" + suggestion(key, known);
}

std::string unknown_section(const std::string& section) {
  std::vector<std::string_view> known;
  for (const auto& option : option_table()) {
    if (known.empty() || known.back() != option.section()) known.push_back(option.section());
  }
  return "unknown section [" + section + "]" + suggestion(section, known);
}

Status apply_section(Config& config, const std::string& path, const std::string& section,
                     const toml::table& table) {
  for (const auto& [name, node] : table) {
    const std::string key = section + "." + std::string(name.str());
    const auto* option = find_option(key);
    if (option == nullptr) return at_line(path, name.source(), unknown_key(key));
    const auto text = value_text(node, option->toml);
    if (!text) {
      return at_line(
          path, node.source(),
          key + ": " + shown(node) + " is not " + std::string(wanted_form(option->toml)));
    }
    if (auto parsed = option->parse(config, *text); !parsed.ok()) {
      return at_line(path, node.source(), key + ": " + parsed.error().message);
    }
  }
  return {};
}

bool is_section(std::string_view name) {
  for (const auto& option : option_table()) {
    if (option.section() == name) return true;
  }
  return false;
}

}  // namespace

Status apply_config_file(Config& config, const std::string& path) {
  MDFS_TRY(const std::string content, read_file(path, kFileLimitBytes));
  toml::table root;
  try {
    root = toml::parse(content, path);
  } catch (const toml::parse_error& problem) {
    return at_line(path, problem.source(), problem.description());
  }
  for (const auto& [name, node] : root) {
    const std::string section(name.str());
    const auto* table = node.as_table();
    if (table == nullptr) return at_line(path, name.source(), unknown_key(section));
    if (!is_section(section)) return at_line(path, name.source(), unknown_section(section));
    MDFS_CHECK(apply_section(config, path, section, *table));
  }
  return {};
}

}  // namespace minidfs
