#include "metadata/path.hpp"

#include <algorithm>

namespace minidfs::metadata {
namespace {

// Of something that is too long to be a path.
constexpr std::size_t kShownBytesMax = 256;

Error invalid(std::string_view path, std::string_view why) {
  const bool cut = path.size() > kPathBytesMax;
  return {Errc::kInvalidArgument, std::string(cut ? path.substr(0, kShownBytesMax) : path) +
                                      (cut ? "..." : "") + ": " + std::string(why)};
}

}  // namespace

Status check_name(std::string_view name) {
  if (name.empty()) return invalid(name, "an empty name");
  if (name.size() > kNameBytesMax) {
    return invalid(name, "a name of " + std::to_string(name.size()) + " bytes, the limit is " +
                             std::to_string(kNameBytesMax));
  }
  if (name == "." || name == "..") return invalid(name, "not allowed as a name");
  if (name.find('/') != std::string_view::npos) return invalid(name, "a name with a slash");
  if (name.find('\0') != std::string_view::npos) return invalid(name, "a name with a NUL byte");
  return {};
}

Result<PathComponents> split_path(std::string_view path) {
  if (path.empty() || path.front() != '/') return invalid(path, "not an absolute path");
  if (path.size() > kPathBytesMax) {
    return invalid(path, "a path of " + std::to_string(path.size()) + " bytes, the limit is " +
                             std::to_string(kPathBytesMax));
  }
  PathComponents components;
  components.reserve(static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')));
  std::size_t begin = 1;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, end - begin);
    begin = end + 1;
    if (name.empty()) continue;
    if (const Status status = check_name(name); !status.ok()) {
      return invalid(path, "in the path: " + status.error().message);
    }
    components.push_back(name);
  }
  if (components.size() > kPathComponentsMax) {
    return invalid(path, std::to_string(components.size()) + " components, the limit is " +
                             std::to_string(kPathComponentsMax));
  }
  return components;
}

}  // namespace minidfs::metadata
