// The file `state` of a log: who the member is and for whom it voted, where its log ends at least,
// and the members that no entry of the log may name any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/file.hpp"
#include "consensus/segments/mirrored_block.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

inline constexpr std::size_t kStoredMembersMaxBytes = 2048;

// The payload of a members entry, and its index; or who is a member from the beginning.
struct StoredMembers {
  Index index = 0;
  std::string payload;  // At most kStoredMembersMaxBytes.

  friend bool operator==(const StoredMembers&, const StoredMembers&) = default;
};

struct StateContent {
  MemberId member = 0;
  HardState hard_state;
  std::uint64_t newest = 0;  // Sequence of the newest segment.
  Index floor = 0;           // The log ends here or later, as long as `newest` is the newest one.
  StoredMembers members;

  friend bool operator==(const StateContent&, const StateContent&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StateContent& x) {
  return f(x.member, x.hard_state.term, x.hard_state.vote, x.newest, x.floor, x.members.index,
           x.members.payload);
}

class LogState {
 public:
  static std::string path_in(const std::string& directory) { return directory + "/state"; }

  // A crash leaves no such file or a whole one.
  static Status create(const std::string& directory, const StateContent& content);
  // kNotFound when there is none.
  static Result<LogState> open(const std::string& directory);

  const StateContent& content() const { return content_; }
  // Durable on return. content() is then the new one.
  Status store(StateContent content);

 private:
  LogState(const std::string& path, UniqueFd fd);

  UniqueFd fd_;
  MirroredBlock block_;
  StateContent content_;
};

}  // namespace minidfs::consensus
