#include "cli/verbs/mode_text.hpp"

#include <algorithm>
#include <string_view>

namespace minidfs::cli {
namespace {

constexpr std::uint16_t kSticky = 01000;
constexpr std::uint16_t kAll = 0777;

bool is_octal(std::string_view text) {
  return (text.size() == 3 || (text.size() == 4 && (text[0] == '0' || text[0] == '1'))) &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
}

ModeChange octal_mode(std::string_view text) {
  std::uint16_t mode = 0;
  for (const char digit : text) mode = static_cast<std::uint16_t>(mode * 8 + (digit - '0'));
  return {{kAll | kSticky, '=', mode, false}};
}

std::uint16_t class_bits(char letter) {
  switch (letter) {
    case 'u':
      return 0700;
    case 'g':
      return 0070;
    case 'o':
      return 0007 | kSticky;
    case 'a':
      return kAll | kSticky;
    default:
      return 0;
  }
}

bool add_right(char letter, ModeClause& clause) {
  switch (letter) {
    case 'r':
      clause.bits |= 0444;
      return true;
    case 'w':
      clause.bits |= 0222;
      return true;
    case 'x':
      clause.bits |= 0111;
      return true;
    case 't':
      clause.bits |= kSticky;
      return true;
    case 'X':
      clause.execute_if_any = true;
      return true;
    default:
      return false;
  }
}

// False for what is no clause.
bool parse_clause(std::string_view text, ModeClause& clause) {
  std::size_t at = 0;
  for (; at < text.size() && class_bits(text[at]) != 0; ++at) {
    clause.classes |= class_bits(text[at]);
  }
  if (at == 0) clause.classes = class_bits('a');
  if (at == text.size()) return false;
  clause.action = text[at++];
  if (clause.action != '+' && clause.action != '-' && clause.action != '=') return false;
  // "=" alone takes all rights away.
  if (at == text.size()) return clause.action == '=';
  return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(),
                     [&](char letter) { return add_right(letter, clause); });
}

std::uint16_t apply(const ModeClause& clause, std::uint16_t mode, bool is_directory) {
  auto bits = clause.bits;
  if (clause.execute_if_any && (is_directory || (mode & 0111) != 0)) bits |= 0111;
  bits &= clause.classes;
  switch (clause.action) {
    case '+':
      return mode | bits;
    case '-':
      return static_cast<std::uint16_t>(mode & ~bits);
    default:
      return static_cast<std::uint16_t>((mode & ~clause.classes) | bits);
  }
}

}  // namespace

Result<ModeChange> parse_mode(const std::string& text) {
  const std::string_view all(text);
  if (is_octal(all)) return octal_mode(all);
  ModeChange change;
  for (std::size_t begin = 0; begin <= all.size();) {
    const auto end = std::min(all.find(',', begin), all.size());
    if (!parse_clause(all.substr(begin, end - begin), change.emplace_back())) {
      return Error{Errc::kInvalidArgument,
                   "chmod : mode '" + text + "' does not match the expected pattern."};
    }
    begin = end + 1;
  }
  return change;
}

std::uint16_t changed_mode(const ModeChange& change, std::uint16_t mode, bool is_directory) {
  for (const auto& clause : change) mode = apply(clause, mode, is_directory);
  return mode;
}

}  // namespace minidfs::cli
