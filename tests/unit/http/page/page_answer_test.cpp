#include "http/page/page_answer.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "http/page/page_files.hpp"

namespace minidfs::http::page {
namespace {

RequestHead get(std::string path) {
  RequestHead request;
  request.method = "GET";
  request.path = std::move(path);
  return request;
}

Response ask(std::string path, std::string known_tags) {
  auto request = get(std::move(path));
  request.fields.add("If-None-Match", std::move(known_tags));
  return page_answer(request);
}

std::string field(const Response& response, std::string_view name) {
  return std::string(response.head.fields.find(name).value_or("none"));
}

std::string file_of_web(std::string_view path) {
  std::ifstream file(MINIDFS_WEB + std::string(path), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("Every file of web/ is answered as it stands there") {
  REQUIRE(page_files().size() > 20);
  for (const auto& file : page_files()) {
    const auto response = page_answer(get(std::string(file.path)));
    CHECK(response.head.status == 200);
    CHECK_FALSE(response.body.empty());
    CHECK(response.body == file_of_web(file.path));
  }
}

TEST_CASE("The page stands at the root") {
  const auto response = page_answer(get("/"));
  CHECK(response.body == file_of_web("/index.html"));
  CHECK(field(response, "Content-Type") == "text/html; charset=utf-8");
}

TEST_CASE("Each kind of file has its type, and is taken for nothing else") {
  CHECK(field(page_answer(get("/js/main.js")), "Content-Type") == "text/javascript; charset=utf-8");
  CHECK(field(page_answer(get("/style/base.css")), "Content-Type") == "text/css; charset=utf-8");
  CHECK(field(page_answer(get("/icon.svg")), "Content-Type") == "image/svg+xml");
  for (const auto& file : page_files()) {
    const auto response = page_answer(get(std::string(file.path)));
    CHECK(field(response, "Content-Type") != "application/octet-stream");
    CHECK(field(response, "X-Content-Type-Options") == "nosniff");
  }
}

TEST_CASE("The page may run only scripts of its own server") {
  const auto policy = field(page_answer(get("/")), "Content-Security-Policy");
  CHECK(policy.find("default-src 'none'; script-src 'self';") == 0);
  CHECK(policy.find("unsafe") == std::string::npos);
  CHECK(policy.find("frame-ancestors 'none'") != std::string::npos);
}

TEST_CASE("Files with different bytes have different tags") {
  std::set<std::string_view> tags;
  std::set<std::string_view> contents;
  for (const auto& file : page_files()) {
    tags.insert(file.tag);
    contents.insert(file.content);
    CHECK(file.tag.front() == '"');
    CHECK(file.tag.back() == '"');
  }
  CHECK(tags.size() == contents.size());
}

TEST_CASE("A client that has the file is told that it still holds") {
  const auto tag = field(page_answer(get("/icon.svg")), "ETag");
  for (const auto& known : {tag, "\"other\", " + tag, "W/" + tag + " , \"x\"", std::string("*")}) {
    const auto response = ask("/icon.svg", known);
    CHECK(response.head.status == 304);
    CHECK(response.body.empty());
    CHECK(field(response, "ETag") == tag);
    CHECK(field(response, "Cache-Control") == "no-cache");
  }
}

TEST_CASE("A client that has another version is given the file") {
  const auto tag = field(page_answer(get("/icon.svg")), "ETag");
  for (const auto& known : {std::string(), std::string(" ,, "), std::string("\"other\""),
                            tag.substr(1), field(page_answer(get("/")), "ETag")}) {
    CHECK(ask("/icon.svg", known).head.status == 200);
  }
}

TEST_CASE("What is not there is not found, and nothing can be changed") {
  for (const auto* path : {"/nothing", "/js", "/js/", "/../web/index.html", "", "/Index.html"}) {
    CHECK(page_answer(get(path)).head.status == 404);
  }
  auto request = get("/");
  request.method = "POST";
  const auto response = page_answer(request);
  CHECK(response.head.status == 405);
  CHECK(field(response, "Allow") == "GET, HEAD");
  request.method = "HEAD";
  CHECK(page_answer(request).head.status == 200);
}

}  // namespace
}  // namespace minidfs::http::page
