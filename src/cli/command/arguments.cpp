#include "cli/command/arguments.hpp"

#include <algorithm>
#include <cxxopts.hpp>

#include "base/suggest.hpp"

namespace minidfs::cli {
namespace {

// cxxopts could collect operands itself, but it would split them at commas.
cxxopts::Options make_parser(std::span<const Flag> flags) {
  cxxopts::Options parser("minidfs");
  parser.allow_unrecognised_options();
  for (const auto& flag : flags) {
    const std::string letter = flag.letter == 0 ? "" : std::string(1, flag.letter);
    const std::shared_ptr<cxxopts::Value> value =
        flag.value_name.empty() ? cxxopts::value<bool>() : cxxopts::value<std::string>();
    parser.add_option("", letter, std::string(flag.name), std::string(flag.help), value, "");
  }
  return parser;
}

Error unknown_flag(std::string_view word, std::span<const Flag> flags) {
  const std::string name(word.substr(0, word.find('=')));
  std::vector<std::string> known;
  for (const auto& flag : flags) known.push_back("--" + std::string(flag.name));
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  const bool is_long = name.size() > 2;
  return {Errc::kInvalidArgument,
          "unknown flag '" + name + "'" + (is_long ? suggestion(name, candidates) : "")};
}

Status take_flags(const cxxopts::ParseResult& parsed, std::span<const Flag> flags,
                  Arguments& arguments) {
  for (const auto& flag : flags) {
    const std::string name(flag.name);
    if (parsed.count(name) == 0) continue;
    if (flag.value_name.empty()) {
      if (!parsed[name].as<bool>()) continue;
      arguments.flags[name];
      if (!flag.option_key.empty()) {
        arguments.settings.push_back({"--" + name, std::string(flag.option_key), "true"});
      }
      continue;
    }
    const auto& value = parsed[name].as<std::string>();
    arguments.flags[name] = value;
    if (!flag.option_key.empty()) {
      arguments.settings.push_back({"--" + name, std::string(flag.option_key), value});
    }
  }
  return {};
}

}  // namespace

std::string Arguments::value(std::string_view name) const {
  const auto found = flags.find(name);
  return found == flags.end() ? std::string() : found->second;
}

Result<Arguments> parse_arguments(std::span<const Flag> flags,
                                  const std::vector<std::string>& words) {
  const auto end = std::find(words.begin(), words.end(), "--");
  std::vector<const char*> pointers{"minidfs"};
  for (auto word = words.begin(); word != end; ++word) pointers.push_back(word->c_str());

  Arguments arguments;
  try {
    auto parser = make_parser(flags);
    const auto parsed = parser.parse(static_cast<int>(pointers.size()), pointers.data());
    for (const auto& word : parsed.unmatched()) {
      if (word.size() > 1 && word.front() == '-') return unknown_flag(word, flags);
      arguments.operands.push_back(word);
    }
    MDFS_CHECK(take_flags(parsed, flags, arguments));
  } catch (const cxxopts::exceptions::exception& problem) {
    return Error{Errc::kInvalidArgument, problem.what()};
  }
  if (end != words.end()) {
    arguments.operands.insert(arguments.operands.end(), end + 1, words.end());
  }
  return arguments;
}

std::string describe_flags(std::span<const Flag> flags) {
  constexpr std::size_t kColumn = 28;
  std::string text;
  for (const auto& flag : flags) {
    std::string line = flag.letter == 0 ? "      " : std::string("  -") + flag.letter + ", ";
    line += "--" + std::string(flag.name);
    if (!flag.value_name.empty()) line += "=" + std::string(flag.value_name);
    line += "  ";
    if (line.size() < kColumn) line.resize(kColumn, ' ');
    text += line + std::string(flag.help) + "\n";
  }
  return text;
}

}  // namespace minidfs::cli
