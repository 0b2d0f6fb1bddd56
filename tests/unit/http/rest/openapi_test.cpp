// The description is read by programs: it must be whole, and name what there is.
#include "http/rest/openapi.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.hpp"
#include "http/rest/rest_json.hpp"

namespace minidfs::http::rest {
namespace {

using PlainJson = nlohmann::json;

void check_references(const PlainJson& document, const PlainJson& value) {
  if (value.is_object() && value.contains("$ref")) {
    const auto reference = value["$ref"].get<std::string>();
    INFO(reference);
    REQUIRE(reference.starts_with("#"));
    CHECK(document.contains(PlainJson::json_pointer(reference.substr(1))));
  }
  if (!value.is_structured()) return;
  for (const auto& each : value) check_references(document, each);
}

TEST_CASE("the description is JSON whose references lead somewhere") {
  const auto document = PlainJson::parse(openapi_document());
  CHECK(document["openapi"] == "3.0.3");
  check_references(document, document);
}

TEST_CASE("every resource is described, with its methods") {
  const auto document = PlainJson::parse(openapi_document());
  const std::pair<const char*, std::set<std::string>> cases[] = {
      {"/files/{path}", {"get", "put", "post", "delete"}},
      {"/upload", {"post"}},
      {"/uploads", {"post"}},
      {"/uploads/{id}", {"get", "delete"}},
      {"/uploads/{id}/parts/{number}", {"put"}},
      {"/uploads/{id}/complete", {"post"}},
      {"/download/{path}", {"get"}},
      {"/cluster", {"get"}},
      {"/cluster/history", {"get"}},
      {"/cluster/events", {"get"}},
      {"/openapi.json", {"get"}}};
  CHECK(document["paths"].size() == std::size(cases));
  for (const auto& [path, methods] : cases) {
    INFO(path);
    REQUIRE(document["paths"].contains(path));
    std::set<std::string> described;
    for (const auto& [name, value] : document["paths"][path].items()) {
      if (name != "parameters") described.insert(name);
    }
    CHECK(described == methods);
  }
}

TEST_CASE("every member of an entry is described") {
  const auto document = PlainJson::parse(openapi_document());
  const auto& described = document["components"]["schemas"]["Entry"]["properties"];
  const auto entry = entry_json({}, "/");
  CHECK(described.size() == entry.size());
  for (const auto& [name, value] : entry.items()) {
    INFO(name);
    CHECK(described.contains(name));
  }
}

}  // namespace
}  // namespace minidfs::http::rest
