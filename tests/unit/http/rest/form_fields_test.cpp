#include "http/rest/form_fields.hpp"

#include <catch2/catch.hpp>

namespace minidfs::http::rest {
namespace {

Result<std::string> boundary(const std::string& type) {
  Fields fields;
  fields.add("content-type", type);
  return boundary_of(fields);
}

Result<std::optional<std::string>> file_name(const std::string& disposition) {
  Fields fields;
  fields.add("Content-Disposition", disposition);
  return file_name_of(fields);
}

TEST_CASE("the boundary of a form is found, with quotes and without") {
  CHECK(*boundary("multipart/form-data; boundary=----x1") == "----x1");
  CHECK(*boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"") == "a b");
  CHECK(*boundary("multipart/form-data;boundary=x;") == "x");
}

TEST_CASE("what is no form, or has no boundary, is refused") {
  CHECK(boundary("application/json").error().code == Errc::kUnsupported);
  CHECK(boundary("multipart/mixed; boundary=x").error().code == Errc::kUnsupported);
  CHECK(boundary("").error().code == Errc::kUnsupported);
  CHECK(boundary_of({}).error().code == Errc::kUnsupported);
  CHECK(boundary("multipart/form-data").error().code == Errc::kInvalidArgument);
  CHECK(boundary("multipart/form-data; boundary=\"x").error().code == Errc::kUnsupported);
}

TEST_CASE("a file is stored under the last component of the name that it came with") {
  const std::pair<const char*, const char*> cases[] = {
      {"form-data; name=\"f\"; filename=\"a.txt\"", "a.txt"},
      {"form-data; name=f; filename=a.txt", "a.txt"},
      {"form-data; name=\"f\"; filename=\"/etc/passwd\"", "passwd"},
      {"form-data; name=\"f\"; filename=\"../../a\"", "a"},
      {"form-data; name=\"f\"; filename=\"C:\\dir\\a.txt\"", "a.txt"},
      {"form-data; name=\"f\"; filename=\"a\\\"b.txt\"", "a\"b.txt"},
      {"form-data; name=\"f\"; filename=\"a; b.txt\"", "a; b.txt"},
      {"form-data; name=\"f\"; filename=\"na\xC3\xAFve\"", "na\xC3\xAFve"},
      {"form-data; name=\"f\"; filename=\"x\"; filename*=UTF-8''na%C3%AFve", "na\xC3\xAFve"},
      {"FORM-DATA; FILENAME=\"a\"", "a"},
  };
  for (const auto& [disposition, name] : cases) {
    INFO(disposition);
    const auto found = file_name(disposition);
    REQUIRE(found.ok());
    CHECK(*found == name);
  }
}

TEST_CASE("a part without the name of a file is none") {
  const auto found = file_name("form-data; name=\"comment\"");
  REQUIRE(found.ok());
  CHECK_FALSE(found->has_value());
}

TEST_CASE("what cannot be the name of a file is refused") {
  const std::string long_name(256, 'x');
  for (const std::string& disposition : std::vector<std::string>{
           "form-data; filename=\"\"", "form-data; filename=\".\"", "form-data; filename=\"a/..\"",
           "form-data; filename=\"a/\"", "form-data; filename=\"a\\\\\"",
           "form-data; filename=\"" + long_name + "\"", "form-data; filename*=UTF-8''%2e%2e",
           "form-data; filename*=UTF-8''a%00", "form-data; filename*=latin1''a",
           "form-data; filename=\"a", "form-data; filename=\"a\" b", "attachment; filename=a",
           ""}) {
    INFO(disposition);
    const auto found = file_name(disposition);
    REQUIRE_FALSE(found.ok());
    CHECK(found.error().code == Errc::kInvalidArgument);
  }
  CHECK_FALSE(file_name_of({}).ok());
}

}  // namespace
}  // namespace minidfs::http::rest
