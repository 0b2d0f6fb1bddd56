#include "consensus/segments/segment_names.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>

namespace minidfs::consensus {
namespace {

constexpr std::string_view kPrefix = "segment-";
constexpr std::size_t kDigits = 8;

std::optional<std::uint32_t> parse_name(std::string_view name) {
  if (name.size() != kPrefix.size() + kDigits || !name.starts_with(kPrefix)) return std::nullopt;
  std::uint32_t number = 0;
  const char* end = name.data() + name.size();
  const auto [stop, problem] = std::from_chars(name.data() + kPrefix.size(), end, number, 16);
  if (problem != std::errc{} || stop != end) return std::nullopt;
  return number;
}

}  // namespace

std::string segment_path(const std::string& directory, std::uint32_t number) {
  char digits[kDigits + 1];
  std::snprintf(digits, sizeof digits, "%08x", static_cast<unsigned>(number));
  return directory + "/" + std::string(kPrefix) + digits;
}

Result<std::vector<SegmentName>> list_segments(const std::string& directory) {
  std::vector<SegmentName> names;
  std::error_code error;
  std::filesystem::directory_iterator at(directory, error);
  if (error == std::errc::no_such_file_or_directory) return names;
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    const auto number = parse_name(at->path().filename().string());
    if (number) names.push_back({*number, at->path().string()});
  }
  if (error) return errno_error(error.value(), directory);
  std::sort(names.begin(), names.end(),
            [](const SegmentName& a, const SegmentName& b) { return a.number < b.number; });
  return names;
}

Error damaged_log(const std::string& path, const std::string& what) {
  return damaged_log(Error{Errc::kCorrupt, path + ": " + what});
}

Error damaged_log(const Error& found) {
  return Error{Errc::kCorrupt, found.message +
                                   "; the log is damaged and was left as it is: restore this "
                                   "directory together with the database from one backup"};
}

}  // namespace minidfs::consensus
