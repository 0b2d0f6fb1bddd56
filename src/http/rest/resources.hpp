// What can be done with each resource of the REST API. See rest_call.hpp about handlers.
#pragma once

#include "http/rest/rest_call.hpp"

namespace minidfs::http::rest {

// /files: GET of a directory is a page of it, of a file what there is to know about it; PUT stores
// a file, POST makes a directory or renames, DELETE removes.
asio::awaitable<Status> show_entry(RestCall& call);
asio::awaitable<Status> store_file(RestCall& call);
asio::awaitable<Status> make_or_rename(RestCall& call);
asio::awaitable<Status> remove_entry(RestCall& call);

// /upload: files as a browser's form sends them.
asio::awaitable<Status> receive_form(RestCall& call);

// /download: the bytes of a file.
asio::awaitable<Status> send_file(RestCall& call);

// /cluster.
asio::awaitable<Status> show_cluster(RestCall& call);

// /openapi.json.
asio::awaitable<Status> show_openapi(RestCall& call);

}  // namespace minidfs::http::rest
