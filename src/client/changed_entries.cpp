#include "client/changed_entries.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace minidfs::client {
namespace {

// Entries of one request: far below what an entry of the log holds, even with the longest paths.
constexpr std::size_t kEntriesMax = 100;

template <class Change, class Entry>
Status change_some(ClientContext& context, std::span<const Entry> entries, Failures& failures) {
  Change change;
  change.entries.assign(entries.begin(), entries.end());
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

template <class Change, class Entry>
Status change_all(ClientContext& context, const std::vector<Entry>& entries, Failures& failures) {
  for (std::size_t done = 0; done < entries.size(); done += kEntriesMax) {
    const auto some =
        std::span(entries).subspan(done, std::min(kEntriesMax, entries.size() - done));
    auto changed = change_some<Change, Entry>(context, some, failures);
    if (!changed.ok()) return changed;
  }
  return {};
}

}  // namespace

Status set_attributes(ClientContext& context, const std::vector<metadata::EntryAttributes>& entries,
                      Failures& failures) {
  return change_all<metadata::SetAttributes>(context, entries, failures);
}

Status set_owner(ClientContext& context, const std::vector<metadata::EntryOwner>& entries,
                 Failures& failures) {
  return change_all<metadata::SetOwner>(context, entries, failures);
}

}  // namespace minidfs::client
