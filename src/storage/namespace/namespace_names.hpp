// Names of users, groups and compressions, each stored once and referred to by a number. Numbers
// are given in the order of first use and never change, as long as the database is the same one.
// Belongs to one connection.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/sqlite.hpp"

namespace minidfs::storage {

class NameNumbers {
 public:
  static Result<NameNumbers> open(Database& database);

  // The database is another one.
  void forget() {
    numbers_.clear();
    texts_.clear();
  }

  // The number of `text`, which is stored when it is new.
  Result<std::int64_t> number(std::string_view text);
  // The text of a number, until the next call. kCorrupt when there is none.
  Result<std::string_view> text(std::int64_t number);

 private:
  Statement by_text_;
  Statement by_number_;
  Statement insert_;
  std::unordered_map<std::string, std::int64_t> numbers_;
  std::unordered_map<std::int64_t, std::string> texts_;
};

}  // namespace minidfs::storage
