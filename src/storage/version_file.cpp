#include "storage/version_file.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <optional>

#include "base/checksum.hpp"
#include "base/ids.hpp"
#include "base/units.hpp"

namespace minidfs::storage {
namespace {

// Takes the line "key=value" off `text`.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view key) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view line = text.substr(0, end);
  if (line.substr(0, key.size()) != key || line.substr(key.size(), 1) != "=") return std::nullopt;
  text.remove_prefix(end + 1);
  return line.substr(key.size() + 1);
}

}  // namespace

std::string format_version(std::uint64_t format, const VersionFields& fields) {
  std::string text = "format=" + std::to_string(format) + "\n";
  for (const auto& [key, value] : fields) text += key + "=" + value + "\n";
  const Id128<void> digest{0, checksum(text)};
  return text + "checksum=" + to_string(digest).substr(16) + "\n";
}

Result<std::vector<std::string>> parse_version(std::string_view text, std::uint64_t format_max,
                                               const std::vector<std::string_view>& keys,
                                               const std::string& path, std::string_view remedy) {
  const Error damaged{Errc::kCorrupt, path + ": damaged; " + std::string(remedy)};
  std::string_view rest = text;
  const auto format_text = take_line(rest, "format");
  const auto format = format_text ? parse_number(*format_text) : std::nullopt;
  if (!format || *format == 0) return damaged;
  if (*format > format_max) {
    return Error{Errc::kUnsupported, path + ": format " + std::to_string(*format) +
                                         " is newer than this program's " +
                                         std::to_string(format_max) + "; use a newer minidfs"};
  }
  VersionFields fields;
  std::vector<std::string> values;
  for (const auto key : keys) {
    const auto value = take_line(rest, key);
    if (!value) return damaged;
    fields.emplace_back(key, *value);
    values.emplace_back(*value);
  }
  if (format_version(*format, fields) != text) return damaged;
  return values;
}

Result<UniqueFd> lock_directory(const std::string& directory, std::string_view advice) {
  MDFS_TRY(auto fd, open_file(directory + "/lock", O_RDWR | O_CREAT));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno_error(errno, directory + "/lock");
    return Error{Errc::kInUse,
                 directory + ": in use by another process, or given twice; " + std::string(advice)};
  }
  return fd;
}

}  // namespace minidfs::storage
