// The name under which a browser saves what it downloads (RFC 6266). Pure.
#pragma once

#include <string>
#include <string_view>

namespace minidfs::http::rest {

// "attachment; filename=\"a.txt\"". A name with more than plain letters, digits and signs stands
// there twice: once for old clients, with '_' for what they would misread, and as it is in UTF-8
// (RFC 8187). No byte of the name can end the field.
std::string content_disposition(std::string_view kind, std::string_view name);

}  // namespace minidfs::http::rest
