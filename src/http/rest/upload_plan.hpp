// An upload in parts, which goes on after a broken connection: what it is to become, and where it
// stands until then. All that is known of it is in the namespace, so that any server can go on with
// what another one has begun:
//
//   /.minidfs-uploads/ID/plan       what was asked for, as JSON
//                        0, 1, ...  the parts that have come
//                        joined     has no bytes until it has those of all parts, and is moved to
//                                   its place then
//                        abandoned  what was joined, when nobody is to put it at its place any more
//
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace minidfs::http::rest {

// The name is one that nobody else gives to a directory by chance, and says whose it is to those
// who list the root by other means.
inline constexpr std::string_view kUploadsDirectory = "/.minidfs-uploads";
// Whether the path is of that directory or of something in it, which other requests do not reach.
bool is_reserved(std::string_view path);
// kPermissionDenied when it is.
Status check_unreserved(const std::string& path);

struct UploadPlan {
  // Of a part; more where the block size does not divide it, so that every block of the joined file
  // but the last is full.
  static constexpr std::uint64_t kPartBytes = 64 << 20;

  std::string path;
  std::uint64_t size = 0;  // In bytes.
  bool overwrite = false;
  std::uint8_t replication = 0;  // 0, and so on: what is usual.
  std::uint64_t block_size = 0;
  std::string compression;

  // REQUIRES: the block size is known.
  std::uint64_t part_bytes() const;
  std::uint64_t parts() const;
  // Of part `number`, which there is.
  std::uint64_t length_of(std::uint64_t number) const;
};

// As a client may send it, or it may be stored.
inline constexpr std::size_t kPlanBytesMax = 64 << 10;
// Of what a client sends, or of what was stored. kInvalidArgument for what is no plan.
Result<UploadPlan> parse_upload_plan(std::string_view json);
std::string stored_form(const UploadPlan& plan);
// kTooLarge when the blocks are more than can be joined at once. REQUIRES: the block size is known.
Status check_size(const UploadPlan& plan);

// Whether `text` is one; what is none may be a file of somebody else.
bool is_upload_id(std::string_view text);
std::string upload_directory(std::string_view id);
inline constexpr std::string_view kPlanName = "plan";
inline constexpr std::string_view kJoinedName = "joined";
inline constexpr std::string_view kAbandonedName = "abandoned";
std::string plan_path(std::string_view id);
std::string part_path(std::string_view id, std::uint64_t number);
std::string joined_path(std::string_view id);
std::string abandoned_path(std::string_view id);
// The number of a part, of its name in the directory and in requests.
std::optional<std::uint64_t> part_number(std::string_view name);

}  // namespace minidfs::http::rest
