#include "http/rest/resources.hpp"
// The above comes first: see net/asio.hpp.
#include "base/path.hpp"
#include "http/rest/rest_json.hpp"
#include "http/rest/upload_plan.hpp"

namespace minidfs::http::rest {
namespace {

asio::awaitable<void> answer_path(RestCall& call, unsigned status, const std::string& path) {
  Json object;
  put_bytes(object, "path", path);
  co_await answer(call, status, object);
}

asio::awaitable<Status> make_directory(RestCall& call) {
  metadata::MakeDirectory wanted;
  wanted.path = call.path;
  wanted.parents = true;
  wanted.owner = owner_of(call);
  wanted.group = call.context.options.group;
  const auto made = co_await client::apply(call.context, std::move(wanted), call.path);
  if (!made.ok()) co_return made.error();
  co_await answer_path(call, 201, call.path);
  co_return Status();
}

// Into a directory under the name that it had, as mv does; else to the target itself. Which of them
// it was is seen by what is there now.
asio::awaitable<std::string> place_of(RestCall& call, std::uint64_t inode, std::string target) {
  const auto inside =
      join_path(target, std::string_view(call.path).substr(call.path.rfind('/') + 1));
  const auto status = co_await client::stat(call.context, target);
  co_return status.ok() && status->id.value != inode ? inside : target;
}

asio::awaitable<Status> rename(RestCall& call, std::string target) {
  metadata::Rename wanted;
  wanted.source = call.path;
  wanted.target = target;
  const auto renamed = co_await client::apply(call.context, std::move(wanted), "");
  if (!renamed.ok()) co_return renamed.error();
  const auto place = co_await place_of(call, *renamed, std::move(target));
  co_await answer_path(call, 200, place);
  co_return Status();
}

}  // namespace

asio::awaitable<Status> make_or_rename(RestCall& call) {
  const auto mkdir = flag(call.query, "mkdir");
  if (!mkdir.ok()) co_return mkdir.error();
  const auto name = call.query.find("rename");
  if (*mkdir == name.has_value()) {
    co_return Error{Errc::kInvalidArgument, "either mkdir=true or rename=PATH is to be given"};
  }
  Status done;
  if (*mkdir) {
    done = co_await make_directory(call);
    co_return done;
  }
  auto target = canonical_path(*name);
  if (!target.ok()) co_return target.error();
  done = check_unreserved(*target);
  if (!done.ok()) co_return done;
  done = co_await rename(call, *std::move(target));
  co_return done;
}

asio::awaitable<Status> remove_entry(RestCall& call) {
  const auto recursive = flag(call.query, "recursive");
  if (!recursive.ok()) co_return recursive.error();
  metadata::Remove wanted;
  wanted.path = call.path;
  wanted.recursive = *recursive;
  const auto removed = co_await client::apply(call.context, std::move(wanted), call.path);
  if (!removed.ok()) co_return removed.error();
  Response response;
  response.head.status = 204;
  co_await call.exchange.respond(std::move(response));
  co_return Status();
}

}  // namespace minidfs::http::rest
