// The paths of the namespace that clients name.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace minidfs::http {

// The path that what a client sent stands for, in its one form. kInvalidArgument for what is none.
Result<std::string> canonical_path(std::string_view path);

}  // namespace minidfs::http
