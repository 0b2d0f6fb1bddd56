#include "http/rest/media_types.hpp"

#include <catch2/catch.hpp>

namespace minidfs::http::rest {
namespace {

TEST_CASE("the type is guessed by the end of the name, in either case") {
  CHECK(media_type_of("a.png") == "image/png");
  CHECK(media_type_of("A.B.JPG") == "image/jpeg");
  CHECK(media_type_of("index.html") == "text/html");
  CHECK(media_type_of("x.tar.zst") == "application/zstd");
  for (const char* name : {"a", "a.", "a.unknown", "png", ".", ""}) {
    INFO(name);
    CHECK(media_type_of(name) == "application/octet-stream");
  }
}

TEST_CASE("nothing that can run as a page is shown as what it is") {
  CHECK(shown_type_of("a.png") == "image/png");
  CHECK(shown_type_of("a.mp4") == "video/mp4");
  for (const char* name : {"a.txt", "a.html", "a.HTM", "a.xml", "a.js", "a.json", "a.css"}) {
    INFO(name);
    CHECK(shown_type_of(name) == "text/plain; charset=utf-8");
  }
  for (const char* name : {"a.svg", "a.pdf", "a.zip", "a", "a.xhtml"}) {
    INFO(name);
    CHECK(shown_type_of(name).empty());
  }
}

}  // namespace
}  // namespace minidfs::http::rest
