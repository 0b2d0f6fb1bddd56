// Which write sessions have a staged file in the namespace, and which of these are over, so that it
// is to be dropped through the log. Soft state of the leading namenode: after a start it is told
// what the namespace holds. Pure; owned by the block manager.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/container/btree_set.h"
#include "metadata/write_sessions.hpp"

namespace minidfs::metadata {

class StagedSessions {
 public:
  // The namespace holds a staged file of the session; `open` when the session still goes on.
  void staged(SessionId session, bool open);
  // It was committed or dropped.
  void gone(SessionId session);
  // The session is over.
  void ended(SessionId session);

  // Sessions whose file is to be dropped, at most `limit`; each of them once, unless drop_failed()
  // says that nothing came of it.
  std::vector<SessionId> take_fallen(std::size_t limit);
  void drop_failed(SessionId session);

  std::size_t size() const { return staged_.size(); }

 private:
  absl::btree_set<SessionId> staged_;
  absl::btree_set<SessionId> fallen_;  // Among them: over, and not yet on their way to the log.
};

}  // namespace minidfs::metadata
