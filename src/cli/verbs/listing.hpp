// How files and directories are shown: lines for people, JSON for programs. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "metadata/types.hpp"
#include "nlohmann/json_fwd.hpp"

namespace minidfs::cli {

// "drwxr-xr-t".
std::string mode_text(const metadata::FileStatus& status);

// UTC, "2026-05-04 10:11:12".
std::string time_text(std::int64_t milliseconds);

// With every foreign string in it as printable() makes it.
metadata::FileStatus printable(metadata::FileStatus status, bool is_terminal);

// "-rw-r--r--  3  alice  users       1234  2026-05-04 10:11:12  name".
std::string long_line(const metadata::FileStatus& status, const std::string& name);

// Everything about one file, for `stat`.
std::string stat_text(const metadata::FileStatus& status, const std::string& path);

nlohmann::json to_json(const metadata::FileStatus& status, const std::string& path);
nlohmann::json to_json(const metadata::LocatedBlock& block);

// Sets `key` of `object` to a string that is bytes. JSON wants UTF-8: what is none becomes U+FFFD,
// and the bytes themselves stand in `key`_bytes, percent-escaped as in a URL.
void put_bytes(nlohmann::json& object, const std::string& key, std::string_view bytes);

// The document, with a line end. No byte of it moves a terminal's cursor.
std::string dump_json(const nlohmann::json& value);

}  // namespace minidfs::cli
