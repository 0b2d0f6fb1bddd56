// The command lines of the programs beside: words of the form --name=value.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "base/units.hpp"

namespace minidfs::history {

class Flags {
 public:
  // Ends the process with `usage` for what is no flag.
  Flags(int count, char** words, const char* usage) : usage_(usage) {
    for (int i = 1; i < count; ++i) {
      const std::string word = words[i];
      const auto equal = word.find('=');
      if (!word.starts_with("--") || equal == std::string::npos) fail(word + ": is no flag");
      values_[word.substr(2, equal - 2)] = word.substr(equal + 1);
    }
  }

  std::string text(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) fail("--" + name + " is missing");
    return found->second;
  }
  std::string text(const std::string& name, const std::string& otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  std::uint64_t number(const std::string& name, std::uint64_t otherwise) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return otherwise;
    const auto value = parse_number(found->second);
    if (!value) fail("--" + name + ": is no number");
    return *value;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    std::fprintf(stderr, "%s\n%s", what.c_str(), usage_);
    std::exit(2);
  }

  const char* usage_;
  std::map<std::string, std::string> values_;
};

}  // namespace minidfs::history
