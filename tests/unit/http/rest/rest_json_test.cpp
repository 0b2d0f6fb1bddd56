#include "http/rest/rest_json.hpp"

#include <catch2/catch.hpp>

namespace minidfs::http::rest {
namespace {

metadata::FileStatus file(std::uint64_t length) {
  metadata::FileStatus status;
  status.name = "f";
  status.length = length;
  status.permission = 0644;
  status.owner = "u";
  status.group = "g";
  status.modified_ms = 1'796'047'200'000;
  status.block_size = 100;
  status.replication = 3;
  return status;
}

TEST_CASE("an entry has what the API promises, in this order") {
  CHECK(dump(entry_json(file(250), "/a/f")) ==
        R"({"name":"f","path":"/a/f","type":"file","size":250,"blocks":3,"replicas":3,)"
        R"("modified":"2026-11-30T14:00:00.000Z","permission":"644","owner":"u","group":"g"})");
}

TEST_CASE("blocks are counted up to the last byte") {
  CHECK(entry_json(file(0), "/f")["blocks"] == 0);
  CHECK(entry_json(file(1), "/f")["blocks"] == 1);
  CHECK(entry_json(file(100), "/f")["blocks"] == 1);
  CHECK(entry_json(file(101), "/f")["blocks"] == 2);
  CHECK(entry_json(file(UINT64_MAX), "/f")["blocks"] == UINT64_MAX / 100 + 1);
  metadata::FileStatus directory;
  directory.kind = metadata::FileKind::kDirectory;
  directory.permission = 01777;
  const auto object = entry_json(directory, "/");
  CHECK(object["blocks"] == 0);
  CHECK(object["type"] == "directory");
  CHECK(object["permission"] == "1777");
}

TEST_CASE("a name that is no UTF-8 is legible, and its bytes are there") {
  auto status = file(1);
  status.name = "a\xFF";
  const auto text = dump(entry_json(status, "/a\xFF"));
  const auto object = nlohmann::json::parse(text);
  CHECK(object["name"] == "a\xEF\xBF\xBD");
  CHECK(object["name_bytes"] == "a%FF");
  CHECK(object["path_bytes"] == "/a%FF");
  CHECK_FALSE(object.contains("owner_bytes"));
}

TEST_CASE("errors have the statuses that users of REST expect") {
  const std::pair<Errc, unsigned> cases[] = {
      {Errc::kInvalidArgument, 400}, {Errc::kUnsupported, 400},   {Errc::kPermissionDenied, 403},
      {Errc::kNotFound, 404},        {Errc::kAlreadyExists, 409}, {Errc::kIsADirectory, 409},
      {Errc::kNotADirectory, 409},   {Errc::kNotEmpty, 409},      {Errc::kTooLarge, 413},
      {Errc::kNoSpace, 507},         {Errc::kSafeMode, 503},      {Errc::kNotLeader, 503},
      {Errc::kNoDatanode, 503},      {Errc::kBusy, 503},          {Errc::kTimedOut, 503},
      {Errc::kUnavailable, 503},     {Errc::kCorrupt, 500},       {Errc::kInternal, 500}};
  for (const auto& [code, status] : cases) {
    INFO(errc_info(code).name);
    CHECK(status_of(code) == status);
  }
}

TEST_CASE("an error is told by code and message, with when to ask again") {
  const auto missing = error_response({Errc::kNotFound, "/a: not found"});
  CHECK(missing.head.status == 404);
  CHECK(missing.head.fields.find("Content-Type") == "application/json");
  CHECK_FALSE(missing.head.fields.find("Retry-After"));
  CHECK(missing.body == "{\"error\":{\"code\":\"not found\",\"message\":\"/a: not found\"}}\n");
  CHECK(error_response({Errc::kSafeMode, "x"}).head.fields.find("Retry-After") == "1");
  CHECK(error_response({Errc::kNotFound, "a\xFF\n"}).body.find('\n') + 1 ==
        error_response({Errc::kNotFound, "a\xFF\n"}).body.size());
}

}  // namespace
}  // namespace minidfs::http::rest
