#include "http/rest/upload_plan.hpp"

#include <limits>
#include <utility>

#include "base/path.hpp"
#include "base/random_id.hpp"
#include "base/units.hpp"
#include "http/namespace_path.hpp"
#include "http/rest/rest_json.hpp"
#include "http/uri.hpp"
#include "metadata/block_limits.hpp"
#include "metadata/namespace_growth.hpp"

namespace minidfs::http::rest {
namespace {

std::uint64_t divided_up(std::uint64_t bytes, std::uint64_t by) {
  return bytes / by + (bytes % by > 0 ? 1 : 0);
}

Error invalid(const std::string& why) { return {Errc::kInvalidArgument, why}; }

// A member that is a whole number of at most `most`; 0 when it is missing.
Result<std::uint64_t> number_of(const Json& object, const std::string& key, std::uint64_t most) {
  const auto found = object.find(key);
  if (found == object.end()) return std::uint64_t{0};
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > most) {
    return invalid(key + ": not a number from 0 to " + std::to_string(most));
  }
  return found->get<std::uint64_t>();
}

Result<std::string> text_of(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end()) return std::string();
  if (!found->is_string()) return invalid(key + ": not a string");
  return found->get<std::string>();
}

Result<bool> flag_of(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end()) return false;
  if (!found->is_boolean()) return invalid(key + ": is neither true nor false");
  return found->get<bool>();
}

// As put_bytes() writes it.
Result<std::string> path_of(const Json& object) {
  MDFS_TRY(auto path, text_of(object, "path"));
  MDFS_TRY(const auto escaped, text_of(object, "path_bytes"));
  if (!escaped.empty()) {
    MDFS_TRY(path, unescape_path(escaped));
  }
  return canonical_path(path);
}

std::string below(std::string_view id, std::string_view name) {
  return join_path(upload_directory(id), name);
}

}  // namespace

bool is_reserved(std::string_view path) {
  if (!path.starts_with(kUploadsDirectory)) return false;
  return path.size() == kUploadsDirectory.size() || path[kUploadsDirectory.size()] == '/';
}

Status check_unreserved(const std::string& path) {
  if (!is_reserved(path)) return {};
  return Error{Errc::kPermissionDenied, path + ": is kept for uploads in parts"};
}

std::uint64_t UploadPlan::part_bytes() const {
  return divided_up(kPartBytes, block_size) * block_size;
}

std::uint64_t UploadPlan::parts() const { return divided_up(size, part_bytes()); }

std::uint64_t UploadPlan::length_of(std::uint64_t number) const {
  return number + 1 < parts() ? part_bytes() : size - number * part_bytes();
}

Result<UploadPlan> parse_upload_plan(std::string_view json) {
  const auto object = Json::parse(json, nullptr, false);
  if (!object.is_object()) return invalid("the body is no JSON object");
  if (!object.contains("size")) return invalid("size: is missing");
  UploadPlan plan;
  MDFS_TRY(plan.path, path_of(object));
  MDFS_TRY(plan.size, number_of(object, "size", std::numeric_limits<std::int64_t>::max()));
  MDFS_TRY(plan.overwrite, flag_of(object, "overwrite"));
  MDFS_TRY(const auto replication, number_of(object, "replication", UINT8_MAX));
  plan.replication = static_cast<std::uint8_t>(replication);
  MDFS_TRY(plan.block_size, number_of(object, "block_size", metadata::kBlockSizeMax));
  MDFS_TRY(plan.compression, text_of(object, "compression"));
  return plan;
}

std::string stored_form(const UploadPlan& plan) {
  Json object;
  put_bytes(object, "path", plan.path);
  object["size"] = plan.size;
  object["overwrite"] = plan.overwrite;
  object["replication"] = plan.replication;
  object["block_size"] = plan.block_size;
  object["compression"] = plan.compression;
  return dump(object);
}

Status check_size(const UploadPlan& plan) {
  const auto most = metadata::kConcatBlocksMax * plan.block_size;
  if (plan.size <= most) return {};
  return Error{Errc::kTooLarge, plan.path + ": with blocks of " + std::to_string(plan.block_size) +
                                    " bytes at most " + std::to_string(most) +
                                    " can be uploaded in parts, not " + std::to_string(plan.size)};
}

bool is_upload_id(std::string_view text) { return parse_128(text, "upload").ok(); }

std::string upload_directory(std::string_view id) { return join_path(kUploadsDirectory, id); }
std::string plan_path(std::string_view id) { return below(id, kPlanName); }
std::string joined_path(std::string_view id) { return below(id, kJoinedName); }
std::string abandoned_path(std::string_view id) { return below(id, kAbandonedName); }
std::string part_path(std::string_view id, std::uint64_t number) {
  return below(id, std::to_string(number));
}

std::optional<std::uint64_t> part_number(std::string_view name) {
  const auto number = parse_number(name);
  // One number, one name.
  if (!number || std::to_string(*number) != name) return std::nullopt;
  return *number;
}

}  // namespace minidfs::http::rest
