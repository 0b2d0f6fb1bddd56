#include "metadata/staged_sessions.hpp"

namespace minidfs::metadata {

void StagedSessions::staged(SessionId session, bool open) {
  staged_.insert(session);
  if (!open) fallen_.insert(session);
}

void StagedSessions::gone(SessionId session) {
  staged_.erase(session);
  fallen_.erase(session);
}

void StagedSessions::ended(SessionId session) {
  if (staged_.contains(session)) fallen_.insert(session);
}

std::vector<SessionId> StagedSessions::take_fallen(std::size_t limit) {
  std::vector<SessionId> taken;
  while (taken.size() < limit && !fallen_.empty()) {
    taken.push_back(*fallen_.begin());
    fallen_.erase(fallen_.begin());
  }
  return taken;
}

void StagedSessions::drop_failed(SessionId session) { ended(session); }

}  // namespace minidfs::metadata
