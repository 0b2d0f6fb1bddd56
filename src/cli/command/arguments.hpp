// Splits the words of a command line into flags and operands by a table of flags. The only file
// that knows cxxopts.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.hpp"
#include "base/result.hpp"

namespace minidfs::cli {

struct Flag {
  std::string_view name;        // Without dashes.
  char letter = 0;              // Of the short form; 0: none.
  std::string_view value_name;  // Empty: a switch.
  std::string_view help;
  std::string_view option_key;  // The option of the configuration that it sets; empty: none.
};

struct Arguments {
  std::map<std::string, std::string, std::less<>> flags;  // By name; a switch has no value.
  std::vector<std::string> operands;
  std::vector<FlagSetting> settings;  // Of the flags that stand for options.

  bool has(std::string_view name) const { return flags.find(name) != flags.end(); }
  // Empty when the flag is not given.
  std::string value(std::string_view name) const;
};

// After a word "--" everything is an operand, and "-" always is. A flag given twice counts as its
// last. Errors: kInvalidArgument with the flag, and the nearest flag when it is unknown.
Result<Arguments> parse_arguments(std::span<const Flag> flags,
                                  const std::vector<std::string>& words);

// One line for each flag, for --help.
std::string describe_flags(std::span<const Flag> flags);

}  // namespace minidfs::cli
