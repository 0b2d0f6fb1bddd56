// The web page: files, uploads and the state of the cluster in a browser. It uses the REST API.
#pragma once

#include "http/access/access.hpp"
// The above comes first: see net/asio.hpp.
#include "http/routes.hpp"

namespace minidfs::http::page {

// At "/", and so for all paths that nothing else serves. `access` outlives the routes.
void add_page_routes(Routes& routes, const access::Access& access);

}  // namespace minidfs::http::page
