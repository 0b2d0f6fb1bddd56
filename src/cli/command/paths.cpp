#include "cli/command/paths.hpp"

#include <filesystem>
#include <map>

#include "base/path.hpp"
#include "metadata/path.hpp"

namespace minidfs::cli {

Result<std::string> dfs_path(std::string_view operand) {
  MDFS_TRY(const auto components, metadata::split_path(operand));
  std::string path;
  for (const auto name : components) path.append("/").append(name);
  return path.empty() ? "/" : path;
}

std::string base_name(std::string_view path) {
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  const auto slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string local_base_name(const std::string& path) {
  std::error_code problem;
  const auto whole = std::filesystem::absolute(path, problem);
  if (problem) return base_name(path);
  return base_name(whole.lexically_normal().native());
}

Status refuse_same_names(const std::vector<std::string>& paths) {
  std::map<std::string, std::string> by_name;
  for (const auto& path : paths) {
    const auto [other, is_new] = by_name.emplace(base_name(path), path);
    if (is_new) continue;
    return Error{Errc::kInvalidArgument,
                 other->second + " and " + path + " would both become '" + other->first + "'"};
  }
  return {};
}

Status take_exactly(Target& target) {
  if (target.many_sources) {
    return Error{Errc::kInvalidArgument,
                 "--no-target-directory: several sources cannot all become " + target.path};
  }
  target.exact = true;
  return {};
}

Result<std::string> resolve_target(const Target& target, const CopySource& source) {
  if (target.exact) return target.path;
  if (target.state == TargetState::kDirectory) {
    if (source.name.empty()) {
      return Error{Errc::kInvalidArgument,
                   "the root has no name of its own to be given in " + target.path};
    }
    return join_path(target.path, source.name);
  }
  if ((target.into || target.many_sources) && target.state == TargetState::kFile) {
    return Error{Errc::kNotADirectory, target.path + ": not a directory"};
  }
  // A directory may become a target that is written with a slash; a file needs one that exists.
  if (target.many_sources || (target.into && !source.is_directory)) {
    return Error{Errc::kNotFound, target.path + ": no such directory"};
  }
  return target.path;
}

}  // namespace minidfs::cli
