#include "client/write/kept_attributes.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace minidfs::client {
namespace {

// Entries of one request: far below what an entry of the log holds, even with the longest paths.
constexpr std::size_t kEntriesMax = 100;

Status set_some(ClientContext& context, std::span<const WantedAttributes> wanted,
                Failures& failures) {
  metadata::SetAttributes change;
  for (const auto& entry : wanted) {
    change.entries.push_back({entry.path,
                              entry.permission ? std::int32_t{entry.attributes.permission}
                                               : metadata::EntryAttributes::kKeepPermission,
                              entry.attributes.modified_ms, entry.attributes.accessed_ms});
  }
  auto reply = context.link.call(std::move(change));
  if (!reply.ok()) return with_path(std::move(reply).error(), wanted.front().path);
  if (reply->outcomes.size() != wanted.size()) {
    return Error{Errc::kProtocol, "the namenode answered " + std::to_string(wanted.size()) +
                                      " entries with " + std::to_string(reply->outcomes.size()) +
                                      " outcomes"};
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto outcome = metadata::to_result(reply->outcomes[i]);
    if (!outcome.ok()) failures.note(with_path(std::move(outcome).error(), wanted[i].path));
  }
  return {};
}

}  // namespace

Status set_attributes(ClientContext& context, const std::vector<WantedAttributes>& wanted,
                      Failures& failures) {
  for (std::size_t done = 0; done < wanted.size(); done += kEntriesMax) {
    const auto count = std::min(kEntriesMax, wanted.size() - done);
    MDFS_CHECK(set_some(context, std::span(wanted).subspan(done, count), failures));
  }
  return {};
}

}  // namespace minidfs::client
