#include "metadata/report_grants.hpp"

namespace minidfs::metadata {

bool ReportGrants::ask(NodeIndex node, TimePoint now) {
  if (granted_.contains(node)) return true;
  if (granted_.size() >= options_.at_once) {
    absl::erase_if(granted_,
                   [&](const auto& grant) { return now - grant.second >= options_.idle_max; });
  }
  if (granted_.size() >= options_.at_once) return false;
  granted_.emplace(node, now);
  return true;
}

void ReportGrants::heard(NodeIndex node, TimePoint now) {
  if (const auto at = granted_.find(node); at != granted_.end()) at->second = now;
}

}  // namespace minidfs::metadata
