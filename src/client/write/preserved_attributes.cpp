#include "client/write/preserved_attributes.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include "client/local_attributes.hpp"

namespace minidfs::client {
namespace {

// Entries of one request: far below what an entry of the log holds, even with the longest paths.
constexpr std::size_t kEntriesMax = 100;

Status set_attributes(ClientContext& context, std::vector<metadata::EntryAttributes> entries,
                      Failures& failures) {
  metadata::SetAttributes change;
  change.entries = entries;
  auto reply = context.link.call(std::move(change));
  if (!reply.ok()) return with_path(std::move(reply).error(), entries.front().path);
  if (reply->outcomes.size() != entries.size()) {
    return Error{Errc::kProtocol, "the namenode answered " + std::to_string(entries.size()) +
                                      " entries with " + std::to_string(reply->outcomes.size()) +
                                      " outcomes"};
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto outcome = metadata::to_result(reply->outcomes[i]);
    if (!outcome.ok()) failures.note(with_path(std::move(outcome).error(), entries[i].path));
  }
  return {};
}

}  // namespace

Status preserve_attributes(ClientContext& context, const std::vector<LocalFile>& files,
                           Failures& failures) {
  std::vector<metadata::EntryAttributes> entries;
  for (const auto& file : files) {
    struct stat status {};
    if (::stat(file.local_path.c_str(), &status) != 0) {
      failures.note(errno_error(errno, file.local_path));
      continue;
    }
    const auto local = attributes_of(status);
    entries.push_back({file.path, local.permission, local.modified_ms, local.accessed_ms});
  }
  for (std::size_t done = 0; done < entries.size(); done += kEntriesMax) {
    const auto some =
        std::span(entries).subspan(done, std::min(kEntriesMax, entries.size() - done));
    MDFS_CHECK(set_attributes(context, {some.begin(), some.end()}, failures));
  }
  return {};
}

}  // namespace minidfs::client
