#include "http/dates.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <vector>

#include "base/units.hpp"
#include "http/field_text.hpp"

namespace minidfs::http {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::sys_days;

constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

constexpr std::int64_t kFirstMs = -62'167'219'200'000;  // 0000-01-01.
constexpr std::int64_t kLastMs = 253'402'300'799'999;   // 9999-12-31T23:59:59.999.

struct Moment {
  std::chrono::year_month_day date;
  unsigned weekday = 0;
  std::chrono::hh_mm_ss<milliseconds> time;

  int year() const { return static_cast<int>(date.year()); }
  unsigned month() const { return static_cast<unsigned>(date.month()); }
  unsigned day() const { return static_cast<unsigned>(date.day()); }
  int hours() const { return static_cast<int>(time.hours().count()); }
  int minutes() const { return static_cast<int>(time.minutes().count()); }
  int seconds() const { return static_cast<int>(time.seconds().count()); }
};

Moment moment_of(std::int64_t unix_ms) {
  const std::chrono::sys_time<milliseconds> when(
      milliseconds(std::clamp(unix_ms, kFirstMs, kLastMs)));
  const auto day = std::chrono::floor<days>(when);
  return {std::chrono::year_month_day(day), std::chrono::weekday(day).c_encoding(),
          std::chrono::hh_mm_ss<milliseconds>(when - day)};
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty() && words.size() < 8) {
    const auto word = take_until(text, ' ');
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

std::optional<unsigned> number_of(std::string_view text) {
  const auto number = text.size() <= 4 ? parse_number(text) : std::nullopt;
  if (!number) return std::nullopt;
  return static_cast<unsigned>(*number);
}

std::optional<unsigned> month_of(std::string_view text) {
  const auto found = std::find(kMonths.begin(), kMonths.end(), text);
  if (found == kMonths.end()) return std::nullopt;
  return static_cast<unsigned>(found - kMonths.begin()) + 1;
}

// "14:00:00".
std::optional<std::int64_t> seconds_of(std::string_view text) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  const auto hours = number_of(text.substr(0, 2));
  const auto minutes = number_of(text.substr(3, 2));
  const auto seconds = number_of(text.substr(6, 2));
  if (!hours || !minutes || !seconds) return std::nullopt;
  if (*hours > 23 || *minutes > 59 || *seconds > 60) return std::nullopt;  // 60: a leap second.
  return std::int64_t{*hours} * 3600 + std::int64_t{*minutes} * 60 + *seconds;
}

std::optional<std::int64_t> join(std::string_view year, std::string_view month,
                                 std::string_view day, std::string_view time) {
  const auto month_number = month_of(month);
  const auto day_number = number_of(day);
  const auto seconds = seconds_of(time);
  auto year_number = number_of(year);
  if (!year_number || !month_number || !day_number || !seconds) return std::nullopt;
  // Two digits are of a form that nobody has written since these years.
  if (year.size() == 2) *year_number += *year_number < 70 ? 2000 : 1900;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year_number)),
                                         std::chrono::month(*month_number),
                                         std::chrono::day(*day_number));
  if (!date.ok()) return std::nullopt;
  return std::chrono::seconds(sys_days(date).time_since_epoch()).count() + *seconds;
}

}  // namespace

std::string http_date(std::int64_t unix_ms) {
  const auto at = moment_of(unix_ms);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[at.weekday],
                at.day(), kMonths[at.month() - 1], at.year(), at.hours(), at.minutes(),
                at.seconds());
  return text.data();
}

std::string iso_time(std::int64_t unix_ms) {
  const auto at = moment_of(unix_ms);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", at.year(),
                at.month(), at.day(), at.hours(), at.minutes(), at.seconds(),
                static_cast<int>(at.time.subseconds().count()));
  return text.data();
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  const auto words = words_of(text);
  // "Sun, 06 Nov 1994 08:49:37 GMT".
  if (words.size() == 6 && words[0].ends_with(',') && words[5] == "GMT") {
    return join(words[3], words[2], words[1], words[4]);
  }
  // "Sunday, 06-Nov-94 08:49:37 GMT".
  if (words.size() == 4 && words[0].ends_with(',') && words[3] == "GMT") {
    auto date = words[1];
    const auto day = take_until(date, '-');
    const auto month = take_until(date, '-');
    return join(date, month, day, words[2]);
  }
  // "Sun Nov  6 08:49:37 1994".
  if (words.size() == 5) return join(words[4], words[1], words[2], words[3]);
  return std::nullopt;
}

}  // namespace minidfs::http
