// Small files beside a member's log that say what has become of it. Each is written as a whole, and
// durable on return. Format: docs/formats.md, "raft/". Errors name the file.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

// A copy of another member's state takes the place of this one's, and the log then goes on behind
// it. When the state holds `position` that has happened, and the log is to follow.
struct SeedNote {
  Position position;
  std::string members;  // In force there, as in an entry of the log.
};
Result<std::optional<SeedNote>> find_seed_note(const std::string& directory);
Status write_seed_note(const std::string& directory, const SeedNote& note);
Status remove_seed_note(const std::string& directory);

// This member is one no more since the entry `index`.
struct RemovalNote {
  Index index = 0;
};
Result<std::optional<RemovalNote>> find_removal_note(const std::string& directory);
Status write_removal_note(const std::string& directory, const RemovalNote& note);

}  // namespace minidfs::consensus
