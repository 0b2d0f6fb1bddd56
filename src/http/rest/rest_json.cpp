#include "http/rest/rest_json.hpp"

#include <array>
#include <cstdio>
#include <utility>

#include "base/printable.hpp"
#include "http/dates.hpp"
#include "http/uri.hpp"

namespace minidfs::http::rest {
namespace {

// In seconds. An election takes about one.
constexpr char kRetryAfter[] = "1";

std::string octal(std::uint16_t permission) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%o", static_cast<unsigned>(permission));
  return text.data();
}

std::uint64_t blocks_of(const metadata::FileStatus& status) {
  if (status.block_size == 0) return 0;
  return status.length / status.block_size + (status.length % status.block_size > 0 ? 1 : 0);
}

}  // namespace

void put_bytes(Json& object, const std::string& key, std::string_view bytes) {
  object[key] = bytes;
  if (!is_utf8(bytes)) object[key + "_bytes"] = escape_path(bytes);
}

std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json entry_json(const metadata::FileStatus& status, const std::string& path) {
  const bool is_file = status.kind == metadata::FileKind::kFile;
  Json object;
  put_bytes(object, "name", status.name);
  put_bytes(object, "path", path);
  object["type"] = is_file ? "file" : "directory";
  object["size"] = status.length;
  object["blocks"] = blocks_of(status);
  object["replicas"] = status.replication;
  object["modified"] = iso_time(status.modified_ms);
  object["permission"] = octal(status.permission);
  put_bytes(object, "owner", status.owner);
  put_bytes(object, "group", status.group);
  return object;
}

Json location_json(const metadata::LocatedBlock& block) {
  auto nodes = Json::array();
  for (const auto& location : block.locations) {
    Json node;
    put_bytes(node, "address", metadata::to_string(location.data));
    put_bytes(node, "rack", location.rack);
    nodes.push_back(std::move(node));
  }
  Json object;
  object["offset"] = block.offset;
  object["length"] = block.block.length;
  object["id"] = to_string(block.block.id);
  object["nodes"] = std::move(nodes);
  return object;
}

// Not that of errc_info(), which is what HDFS's clients know.
unsigned status_of(Errc code) {
  switch (code) {
    case Errc::kInvalidArgument:
    case Errc::kUnsupported:
      return 400;
    case Errc::kPermissionDenied:
      return 403;
    case Errc::kNotFound:
      return 404;
    case Errc::kAlreadyExists:
    case Errc::kNotADirectory:
    case Errc::kIsADirectory:
    case Errc::kNotEmpty:
    case Errc::kInUse:
      return 409;
    case Errc::kTooLarge:
      return 413;
    case Errc::kBehind:
    case Errc::kCancelled:
      return 503;
    case Errc::kNoSpace:
      return 507;
    default:
      return errc_info(code).retryable ? 503 : 500;
  }
}

ResponseHead json_head(unsigned status) {
  ResponseHead head;
  head.status = status;
  head.fields.add("Content-Type", "application/json");
  head.fields.add("X-Content-Type-Options", "nosniff");
  head.fields.add("Cache-Control", "no-store");
  return head;
}

Response json_response(unsigned status, const Json& value) {
  return {json_head(status), dump(value) + "\n"};
}

Response error_response(const Error& error, unsigned status, Json more) {
  Json object;
  object["code"] = errc_info(error.code).name;
  object["message"] = error.message;
  more["error"] = std::move(object);
  auto response = json_response(status, more);
  if (status == 503 && errc_info(error.code).retryable) {
    response.head.fields.add("Retry-After", kRetryAfter);
  }
  return response;
}

Response error_response(const Error& error) { return error_response(error, status_of(error.code)); }

}  // namespace minidfs::http::rest
