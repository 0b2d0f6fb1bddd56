// Absolute paths of the namespace: what is a valid one, and its components. Names are bytes; no
// encoding is assumed, and messages carry them as they are: whoever shows one makes it fit for that
// (base/printable.hpp). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace minidfs::metadata {

inline constexpr std::size_t kNameBytesMax = 255;
inline constexpr std::size_t kPathBytesMax = 8000;
inline constexpr std::size_t kPathComponentsMax = 1000;

// The components of a path; none for the root. They are views of the path they were split from.
using PathComponents = std::vector<std::string_view>;

// Splits an absolute path. Repeated slashes count as one and a trailing one is ignored. Errors, all
// kInvalidArgument: a path that does not begin with '/', a component that is "." or "..", a NUL, or
// a limit above that is exceeded.
Result<PathComponents> split_path(std::string_view path);

// Whether `name` can be the name of an entry: kInvalidArgument when it is empty, ".", "..", too
// long, or contains '/' or NUL.
Status check_name(std::string_view name);

}  // namespace minidfs::metadata
