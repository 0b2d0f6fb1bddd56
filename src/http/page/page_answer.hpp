// What a request for the web page is answered with. Pure.
#pragma once

#include "http/message.hpp"

namespace minidfs::http::page {

// "/" is the page itself. Browsers keep its files and ask with each visit whether they still hold
// (If-None-Match), so that a page never runs against a server of another version.
Response page_answer(const RequestHead& request);

}  // namespace minidfs::http::page
