// Following a path through a NamespaceTable: shared by the rules, not meant for others.
#pragma once

#include <string_view>

#include "metadata/namespace_rules.hpp"
#include "metadata/path.hpp"

namespace minidfs::metadata {

// How far a path could be followed.
struct Walk {
  InodeId directory = kRootInode;  // The deepest existing directory on the way to the parent.
  std::size_t depth = 0;           // How many components lead to it.
  bool blocked = false;            // A file stands where the next directory should be.
};

// Follows the first `count` components.
Result<Walk> walk(NamespaceTable& table, const PathComponents& components, std::size_t count);

// The outcome of a walk that had to reach a directory and did not.
Outcome walk_failure(const Walk& reached, std::string_view path, const PathComponents& components);

// An entry looked up by its path.
struct Resolved {
  Outcome failure;  // With an error when the parent could not be reached.
  Place place;      // For the root: the root as parent and an empty name.
  Found found;
};

// Looks a path up. A missing entry in an existing directory is no failure.
Result<Resolved> resolve(NamespaceTable& table, std::string_view path,
                         const PathComponents& components);

inline Outcome success(InodeId id) { return {0, {}, id.value}; }

}  // namespace minidfs::metadata
