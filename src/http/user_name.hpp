// The names of users, as HDFS allows them. Pure.
#pragma once

#include <string_view>

namespace minidfs::http {

// HDFS's dfs.webhdfs.user.provider.user.pattern: ^[A-Za-z_][A-Za-z0-9._-]*[$]?$
bool is_user_name(std::string_view name);

}  // namespace minidfs::http
