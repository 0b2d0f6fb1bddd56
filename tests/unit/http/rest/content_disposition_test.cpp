#include "http/rest/content_disposition.hpp"

#include <catch2/catch.hpp>

namespace minidfs::http::rest {
namespace {

TEST_CASE("a plain name stands there as it is") {
  CHECK(content_disposition("attachment", "a b (1).txt") == "attachment; filename=\"a b (1).txt\"");
  CHECK(content_disposition("inline", "a.png") == "inline; filename=\"a.png\"");
}

TEST_CASE("another name stands there for old clients and for new ones") {
  CHECK(content_disposition("attachment", "na\xC3\xAFve \xE2\x82\xAC.txt") ==
        "attachment; filename=\"na__ve ___.txt\"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.txt");
  CHECK(content_disposition("attachment", "50%41.txt") ==
        "attachment; filename=\"50_41.txt\"; filename*=UTF-8''50%2541.txt");
}

TEST_CASE("no name ends its quotes or the field") {
  CHECK(content_disposition("attachment", "a\"; filename=\"b.exe") ==
        "attachment; filename=\"a_; filename=_b.exe\"; "
        "filename*=UTF-8''a%22%3B%20filename%3D%22b.exe");
  CHECK(content_disposition("attachment", "a\r\nX: y\\") ==
        "attachment; filename=\"a__X: y_\"; filename*=UTF-8''a%0D%0AX%3A%20y%5C");
}

TEST_CASE("a name that is no UTF-8 is not called so") {
  CHECK(content_disposition("attachment", "a\xFF.txt") == "attachment; filename=\"a_.txt\"");
}

}  // namespace
}  // namespace minidfs::http::rest
