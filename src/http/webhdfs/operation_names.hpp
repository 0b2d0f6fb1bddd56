// The names of HDFS's operations, by the method that asks for them.
#pragma once

#include <string_view>

namespace minidfs::http::webhdfs {

// Whether HDFS has an operation of this name, in upper case, under the method; served here or not.
bool is_operation(std::string_view method, std::string_view name);

}  // namespace minidfs::http::webhdfs
