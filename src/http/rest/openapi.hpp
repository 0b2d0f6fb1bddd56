// The description of the REST API (OpenAPI 3.0): openapi.json, as it was when this was built.
#pragma once

#include <string_view>

namespace minidfs::http::rest {

std::string_view openapi_document();

}  // namespace minidfs::http::rest
