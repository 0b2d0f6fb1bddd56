// Files, directories and errors as the REST API writes them in JSON. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"
#include "metadata/types.hpp"

namespace minidfs::http::rest {

// Its members stand in the order in which they were set.
using Json = nlohmann::ordered_json;

// Sets `key` of `object` to a string that is bytes, as all names are. JSON wants UTF-8: of what is
// none every wrong byte becomes U+FFFD, and the bytes stand in `key`_bytes, escaped as in a URL.
void put_bytes(Json& object, const std::string& key, std::string_view bytes);

// What is asked of a value is what put_bytes() has made of it, or ASCII.
std::string dump(const Json& value);

// `path` is that of the entry itself.
Json entry_json(const metadata::FileStatus& status, const std::string& path);
Json location_json(const metadata::LocatedBlock& block);

// The status that users of REST expect: 404 for what is missing, 409 for what is in the way, 503
// for what may be asked again.
unsigned status_of(Errc code);

Response json_response(unsigned status, const Json& value);
// {"error":{"code":"not found","message":"/a: not found"}}, and what to wait where it may help.
// `more` stands beside it.
Response error_response(const Error& error, unsigned status, Json more = Json::object());
Response error_response(const Error& error);
// Those of all JSON: read as what it is, and never from a cache.
ResponseHead json_head(unsigned status);

}  // namespace minidfs::http::rest
