// Uploads in parts, as they stand in the namespace (see upload_plan.hpp), and what is done with
// them. Several may do so at once, on any servers, and each may end at any step: whoever goes on
// looks at what is there, and takes it from that.
#pragma once

#include "client/async/async_names.hpp"
// The above comes first: see net/asio.hpp.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "http/rest/upload_plan.hpp"

namespace minidfs::http::rest {

struct UploadState {
  std::map<std::uint64_t, std::uint64_t> parts;  // The lengths of those that have come.
  std::optional<metadata::FileStatus> joined;
  bool abandoned = false;
  std::vector<std::string> others;  // Entries of other names.
  std::int64_t changed_ms = 0;      // By the time of day: when something was last added or removed.

  // The file is at its place.
  bool complete() const { return !joined && !abandoned; }
  bool is_joined(const UploadPlan& plan) const { return joined && joined->length == plan.size; }
  // Whatever parts are listed: they are of no more use.
  bool has_all(const UploadPlan& plan) const { return complete() || is_joined(plan); }
};

// Of the parts that have not come, the first ones.
std::vector<std::uint64_t> missing_parts(const UploadPlan& plan, const UploadState& state,
                                         std::size_t most);

// In all of these `context` outlives the operation, and the id is one. kNotFound when there is no
// such upload.

// Makes a new one, and gives its id. What the plan leaves open is filled in. Errors are those of a
// file with such settings and size.
asio::awaitable<Result<std::string>> begin_stored_upload(client::ClientContext& context,
                                                         UploadPlan& plan);
asio::awaitable<Result<UploadPlan>> read_plan(client::ClientContext& context, std::string id);
asio::awaitable<Result<UploadState>> look_up(client::ClientContext& context, std::string id);

// Of the file that is being uploaded, or of one of its parts.
client::UploadSettings settings_of(const client::ClientContext& context, const UploadPlan& plan);

// Whether the file may take the place of what stands there. kIsADirectory, or kAlreadyExists
// without `overwrite`.
Status check_replacing(const UploadPlan& plan, const metadata::FileStatus& there);
Error is_a_directory(const UploadPlan& plan);
Error already_exists(const UploadPlan& plan);

// Joins the parts and puts the file at its place; done already, it is done. kInvalidArgument while
// parts are missing, else those of check_replacing().
asio::awaitable<Status> finish_stored_upload(client::ClientContext& context, std::string id,
                                             const UploadPlan& plan);

// Removes all that is left of it; a file that is complete stays.
asio::awaitable<Status> abandon_stored_upload(client::ClientContext& context, std::string id);

}  // namespace minidfs::http::rest
