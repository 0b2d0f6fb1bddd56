// HDFS's JSON forms of what the namespace knows.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "http/message.hpp"
#include "metadata/types.hpp"

namespace minidfs::http::webhdfs {

using Json = nlohmann::ordered_json;

// Names are bytes: what is no UTF-8 is shown as U+FFFD.
std::string to_text(const Json& json);
Response json_response(const Json& json);
// 200 without a body, as HDFS answers where there is nothing to say.
Response empty_response();

// With `suffix` as its pathSuffix.
Json file_status(const metadata::FileStatus& status, const std::string& suffix);

// Those that hold a byte of [offset, offset + length).
Json block_locations(const std::vector<metadata::LocatedBlock>& blocks);
// The older form, which names blocks and their generations.
Json located_blocks(const metadata::FileStatus& status, bool whole,
                    const std::vector<metadata::LocatedBlock>& blocks);

}  // namespace minidfs::http::webhdfs
