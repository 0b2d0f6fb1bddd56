// The operations that change the namespace and need no bytes of a file.
#include <algorithm>
#include <array>

#include "http/webhdfs/service.hpp"
#include "metadata/path.hpp"

namespace minidfs::http::webhdfs {
namespace {

using metadata::FileKind;

Answer boolean(bool value) { return json_response({{"boolean", value}}); }

asio::awaitable<Answer> make_directories(Call& call) {
  const auto permission = call.parameters.permission("permission");
  if (!permission.ok()) co_return failed(permission.error());
  const auto unmasked = call.parameters.permission("unmaskedpermission");
  if (!unmasked.ok()) co_return failed(unmasked.error());
  metadata::MakeDirectory change;
  change.path = call.path;
  change.parents = true;
  change.permission = permission->value_or(0755);
  change.owner = call.user;
  change.group = call.context.options.group;
  const auto made = co_await client::apply(call.context, std::move(change), call.path);
  if (!made.ok()) co_return failed(made.error());
  co_return boolean(true);
}

asio::awaitable<Answer> remove(Call& call) {
  const auto recursive = call.parameters.boolean("recursive", false);
  if (!recursive.ok()) co_return failed(recursive.error());
  metadata::Remove change;
  change.path = call.path;
  change.recursive = *recursive;
  if (call.path == "/") co_return boolean(false);
  const auto removed = co_await client::apply(call.context, std::move(change), call.path);
  if (removed.ok()) co_return boolean(true);
  switch (removed.error().code) {
    case Errc::kNotFound:
    case Errc::kNotADirectory:
      co_return boolean(false);
    case Errc::kNotEmpty:
      co_return failed(Exception::kPathIsNotEmptyDirectory,
                       "`" + call.path + " is non empty': Directory is not empty");
    default:
      co_return failed(removed.error());
  }
}

// --- RENAME ------------------------------------------------------------------------------------

struct RenameOptions {
  bool given = false;
  bool overwrite = false;
};

Result<RenameOptions> rename_options(const Parameters& parameters) {
  RenameOptions options;
  auto text = parameters.text("renameoptions").value_or("");
  options.given = !text.empty();
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto word = text.substr(0, comma);
    text = comma == std::string::npos ? "" : text.substr(comma + 1);
    if (same_name(word, "OVERWRITE")) {
      options.overwrite = true;
    } else if (!same_name(word, "NONE") && !same_name(word, "TO_TRASH")) {
      return invalid_parameter("renameoptions",
                               "No enum constant org.apache.hadoop.fs.Options.Rename." + word);
    }
  }
  return options;
}

// As a user's mv: into a directory; what cannot be is false and no exception.
asio::awaitable<Answer> rename_plainly(Call& call, const std::string& target) {
  if (target == call.path) {
    const auto status = co_await client::stat(call.context, call.path);
    co_return boolean(status.ok() && status->kind == FileKind::kFile);
  }
  metadata::Rename change;
  change.source = call.path;
  change.target = target;
  const auto renamed = co_await client::apply(call.context, std::move(change), "");
  if (renamed.ok()) co_return boolean(true);
  switch (renamed.error().code) {
    case Errc::kNotFound:
    case Errc::kAlreadyExists:
    case Errc::kInvalidArgument:
      co_return boolean(false);
    default:
      co_return failed(renamed.error());
  }
}

// In HDFS's words.
Answer failed_exactly(const metadata::RenameExactly& change, const Error& error) {
  switch (error.code) {
    case Errc::kAlreadyExists:
      return failed(Exception::kFileAlreadyExists,
                    "rename destination " + change.target + " already exists");
    case Errc::kIsADirectory:
      return failed(Exception::kIo, "Source " + change.source + " and destination " +
                                        change.target + " must both be directories");
    case Errc::kNotEmpty:
      return failed(Exception::kIo, "rename destination directory is not empty: " + change.target);
    case Errc::kInvalidArgument:
      return failed(Exception::kIo, error.message);
    default:
      return failed(error);
  }
}

// As POSIX's rename: the target is the new path, whatever is there.
asio::awaitable<Answer> rename_exactly(Call& call, const std::string& target, bool overwrite) {
  metadata::RenameExactly change;
  change.source = call.path;
  change.target = target;
  change.overwrite = overwrite;
  const auto renamed = co_await client::apply(call.context, change, "");
  if (!renamed.ok()) co_return failed_exactly(change, renamed.error());
  co_return boolean(true);
}

asio::awaitable<Answer> rename_operation(Call& call) {
  const auto target = call.parameters.path("destination", call.operation);
  if (!target.ok()) co_return failed(target.error());
  const auto options = rename_options(call.parameters);
  if (!options.ok()) co_return failed(options.error());
  auto answer = options->given ? rename_exactly(call, *target, options->overwrite)
                               : rename_plainly(call, *target);
  auto answered = co_await std::move(answer);
  co_return answered;
}

// --- Attributes --------------------------------------------------------------------------------

asio::awaitable<Answer> set_replication(Call& call) {
  const auto replication = call.parameters.number("replication", 1, kReplicationMax);
  if (!replication.ok()) co_return failed(replication.error());
  metadata::SetReplication change;
  change.path = call.path;
  change.replication =
      static_cast<std::uint8_t>(replication->value_or(call.context.options.replication));
  const auto set = co_await client::apply(call.context, std::move(change), call.path);
  if (set.ok()) co_return boolean(true);
  const auto code = set.error().code;
  const bool no_file = code == Errc::kNotFound || code == Errc::kIsADirectory;
  co_return no_file ? boolean(false) : failed(set.error());
}

asio::awaitable<Answer> set_attributes(Call& call, metadata::EntryAttributes attributes) {
  attributes.path = call.path;
  metadata::SetAttributes change;
  change.entries.push_back(std::move(attributes));
  const auto set = co_await client::apply(call.context, std::move(change), call.path);
  if (set.ok()) co_return empty_response();
  co_return failed_to_look(set.error(), does_not_exist(call));
}

asio::awaitable<Answer> set_permission(Call& call) {
  const auto permission = call.parameters.permission("permission");
  if (!permission.ok()) co_return failed(permission.error());
  metadata::EntryAttributes attributes;
  attributes.permission = permission->value_or(0755);
  auto answer = co_await set_attributes(call, std::move(attributes));
  co_return answer;
}

asio::awaitable<Answer> set_times(Call& call) {
  const auto modified = call.parameters.number("modificationtime", -1);
  if (!modified.ok()) co_return failed(modified.error());
  const auto accessed = call.parameters.number("accesstime", -1);
  if (!accessed.ok()) co_return failed(accessed.error());
  metadata::EntryAttributes attributes;
  if (modified->value_or(-1) >= 0) attributes.modified_ms = **modified;
  if (accessed->value_or(-1) >= 0) attributes.accessed_ms = **accessed;
  auto answer = co_await set_attributes(call, std::move(attributes));
  co_return answer;
}

asio::awaitable<Answer> set_owner(Call& call) {
  metadata::EntryOwner entry;
  entry.path = call.path;
  entry.owner = call.parameters.text("owner").value_or("");
  entry.group = call.parameters.text("group").value_or("");
  if (entry.owner.empty() && entry.group.empty()) {
    co_return failed({Errc::kInvalidArgument, "Both owner and group are empty."});
  }
  metadata::SetOwner change;
  change.entries.push_back(std::move(entry));
  const auto set = co_await client::apply(call.context, std::move(change), call.path);
  if (set.ok()) co_return empty_response();
  co_return failed_to_look(set.error(), does_not_exist(call));
}

// --- CONCAT ------------------------------------------------------------------------------------

// Absolute paths with commas between them.
Result<std::vector<std::string>> sources_of(const Call& call) {
  MDFS_TRY(const auto list, call.parameters.required("sources", call.operation));
  std::vector<std::string> sources;
  for (std::size_t at = 0; at <= list.size();) {
    const auto comma = std::min(list.find(',', at), list.size());
    auto path = list.substr(at, comma - at);
    if (const auto split = metadata::split_path(path); !split.ok()) {
      return invalid_parameter("sources", split.error().message);
    }
    sources.push_back(std::move(path));
    at = comma + 1;
  }
  return sources;
}

asio::awaitable<Answer> concat(Call& call) {
  auto sources = sources_of(call);
  if (!sources.ok()) co_return failed(sources.error());
  metadata::ConcatFiles change;
  change.target = call.path;
  change.sources = *std::move(sources);
  const auto joined = co_await client::apply(call.context, std::move(change), "");
  if (!joined.ok()) co_return failed(joined.error());
  co_return empty_response();
}

constexpr std::array<Named, 8> kChangeOperations{{
    {"MKDIRS", make_directories},
    {"DELETE", remove},
    {"RENAME", rename_operation},
    {"SETREPLICATION", set_replication},
    {"SETPERMISSION", set_permission},
    {"SETTIMES", set_times},
    {"SETOWNER", set_owner},
    {"CONCAT", concat},
}};

}  // namespace

Operation find_change(std::string_view name) { return find(kChangeOperations, name); }

}  // namespace minidfs::http::webhdfs
