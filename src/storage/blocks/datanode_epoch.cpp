#include "storage/blocks/datanode_epoch.hpp"

#include <optional>

#include "base/file.hpp"
#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "base/units.hpp"
#include "storage/version_file.hpp"

namespace minidfs::storage {
namespace {

constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kFileBytesMax = 4096;

struct Copy {
  metadata::KnownEpoch known;
  std::uint64_t written = 0;
};

std::string path_in(const std::string& directory) { return directory + "/epoch"; }

std::string format_copy(const Copy& copy) {
  return format_version(kFormat, {{"life", to_string(copy.known.epoch.life)},
                                  {"leadership", std::to_string(copy.known.epoch.leadership)},
                                  {"change", std::to_string(copy.known.change)},
                                  {"written", std::to_string(copy.written)}});
}

Result<Copy> parse_copy(std::string_view text, const std::string& path) {
  MDFS_TRY(const auto values,
           parse_version(text, kFormat, {"life", "leadership", "change", "written"}, path,
                         "the copies in the other data directories are used"));
  Copy copy;
  MDFS_TRY(copy.known.epoch.life, parse_id<metadata::LifeId>(values[0], path));
  const auto leadership = parse_number(values[1]);
  const auto change = parse_number(values[2]);
  const auto written = parse_number(values[3]);
  if (!leadership || !change || !written) return Error{Errc::kCorrupt, path + ": damaged"};
  copy.known.epoch.leadership = *leadership;
  copy.known.change = *change;
  copy.written = *written;
  return copy;
}

Result<std::optional<Copy>> read_copy(const std::string& directory) {
  const auto path = path_in(directory);
  const auto text = read_file(path, kFileBytesMax);
  if (!text.ok()) {
    if (text.error().code == Errc::kNotFound) return std::optional<Copy>{};
    return text.error();
  }
  MDFS_TRY(auto copy, parse_copy(*text, path));
  return std::optional<Copy>{copy};
}

}  // namespace

Result<DatanodeEpoch> DatanodeEpoch::open(std::vector<std::string> directories) {
  DatanodeEpoch result;
  for (const auto& directory : directories) {
    const auto copy = read_copy(directory);
    if (!copy.ok()) {
      if (copy.error().code == Errc::kUnsupported) return copy.error();
      log_warn("datanode", "what was known of the namespace is not read from here: {}",
               copy.error().message);
    } else if (copy->has_value() && (*copy)->written > result.written_) {
      result.known_ = (*copy)->known;
      result.written_ = (*copy)->written;
    }
  }
  result.directories_ = std::move(directories);
  return result;
}

Status DatanodeEpoch::keep(const metadata::KnownEpoch& known) {
  known_ = known;
  const auto text = format_copy({known, ++written_});
  Status result = Error{Errc::kIoError, "no data directory"};
  bool kept = false;
  for (const auto& directory : directories_) {
    auto status = replace_file(path_in(directory), text);
    kept = kept || status.ok();
    if (!status.ok()) result = std::move(status);
  }
  return kept ? Status() : result;
}

}  // namespace minidfs::storage
