#include "cli/verbs/targets.hpp"

namespace minidfs::cli {

Result<Target> parse_target(const std::string& operand, std::size_t source_count) {
  Target target;
  MDFS_TRY(target.path, dfs_path(operand));
  target.into = operand.back() == '/';
  target.many_sources = source_count > 1;
  return target;
}

Status look_up_target(client::FileSystem& files, Target& target) {
  const auto status = files.stat(target.path);
  if (!status.ok() && status.error().code == Errc::kNotFound) return {};
  if (!status.ok()) return status.error();
  target.state =
      status->kind == metadata::FileKind::kDirectory ? TargetState::kDirectory : TargetState::kFile;
  return {};
}

}  // namespace minidfs::cli
