// What a file probably is, by the end of its name. Pure.
#pragma once

#include <string_view>

namespace minidfs::http::rest {

// "application/octet-stream" for what is not known.
std::string_view media_type_of(std::string_view name);

// The type under which a browser may show the file in its window, of those that cannot carry a
// script: pictures, sound, films, and every text as plain text, pages among them. Empty: it is to
// be saved.
std::string_view shown_type_of(std::string_view name);

}  // namespace minidfs::http::rest
