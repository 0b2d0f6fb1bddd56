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

// Of whom the cluster consists, as this member knew it last. Only a hint: of use when the log
// itself is of none.
struct KnownNote {
  MemberId self = 0;
  std::string members;  // As in an entry of the log.

  friend bool operator==(const KnownNote&, const KnownNote&) = default;
};
Result<std::optional<KnownNote>> find_known_note(const std::string& directory);
Status write_known_note(const std::string& directory, const KnownNote& note);

// This member's log once reached `acknowledged`, as others know, and has lost it: what it voted is
// forgotten, too, so that it must not go on as this member.
struct LossNote {
  Index acknowledged = 0;
};
Result<std::optional<LossNote>> find_loss_note(const std::string& directory);
Status write_loss_note(const std::string& directory, const LossNote& note);

}  // namespace minidfs::consensus
