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

// /uploads: files that come in parts, so that an upload goes on after a broken connection. POST
// begins one, which is /uploads/ID: GET shows how far it is, DELETE abandons it.
asio::awaitable<Status> begin_upload(RestCall& call);
asio::awaitable<Status> show_upload(RestCall& call);
asio::awaitable<Status> abandon_upload(RestCall& call);
// /uploads/ID/parts/N: PUT stores a part; /uploads/ID/complete: POST makes them one file.
asio::awaitable<Status> store_part(RestCall& call);
asio::awaitable<Status> complete_upload(RestCall& call);

// /download: the bytes of a file.
asio::awaitable<Status> send_file(RestCall& call);

// /cluster, and what was and happens: /cluster/history and /cluster/events.
asio::awaitable<Status> show_cluster(RestCall& call);
asio::awaitable<Status> show_history(RestCall& call);
asio::awaitable<Status> show_events(RestCall& call);

// /openapi.json.
asio::awaitable<Status> show_openapi(RestCall& call);

}  // namespace minidfs::http::rest
