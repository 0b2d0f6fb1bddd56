// What the fields of a form and of its parts say (RFC 7578). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace minidfs::http::rest {

// Of the request's Content-Type. kUnsupported for another type than multipart/form-data,
// kInvalidArgument for a form without a boundary.
Result<std::string> boundary_of(const Fields& request);

// Under which name a part's file is to be stored: the last component of the name that it was sent
// with, whichever kind of slash separates them. Nothing for a part that is no file.
// kInvalidArgument for a name that cannot be one.
Result<std::optional<std::string>> file_name_of(const Fields& part);

}  // namespace minidfs::http::rest
