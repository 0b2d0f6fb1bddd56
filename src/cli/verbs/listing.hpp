// How files and directories are shown: lines for people, JSON for programs. Pure functions.
#pragma once

#include <string>

#include "metadata/types.hpp"
#include "nlohmann/json_fwd.hpp"

namespace minidfs::cli {

// "drwxr-xr-t".
std::string mode_text(const metadata::FileStatus& status);

// UTC, "2026-05-04 10:11:12".
std::string time_text(std::int64_t milliseconds);

// "-rw-r--r--  3  alice  users       1234  2026-05-04 10:11:12  name".
std::string long_line(const metadata::FileStatus& status, const std::string& name);

// Everything about one file, for `stat`.
std::string stat_text(const metadata::FileStatus& status, const std::string& path);

nlohmann::json to_json(const metadata::FileStatus& status, const std::string& path);
nlohmann::json to_json(const metadata::LocatedBlock& block);

// Names are bytes: what is no UTF-8 is shown as U+FFFD, which JSON demands.
std::string dump_json(const nlohmann::json& value);

}  // namespace minidfs::cli
