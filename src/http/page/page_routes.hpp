// The web page: files, uploads and the state of the cluster in a browser. It uses the REST API.
#pragma once

#include "http/routes.hpp"

namespace minidfs::http::page {

// At "/", and so for all paths that nothing else serves.
void add_page_routes(Routes& routes);

}  // namespace minidfs::http::page
