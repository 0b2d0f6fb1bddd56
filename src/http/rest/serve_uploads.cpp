#include "http/rest/resources.hpp"
// The above comes first: see net/asio.hpp.
#include <utility>

#include "http/rest/request_files.hpp"
#include "http/rest/rest_json.hpp"
#include "http/rest/upload_store.hpp"
#include "metadata/path.hpp"

namespace minidfs::http::rest {
namespace {

constexpr std::size_t kNamedMax = 10;  // Missing parts that an error names.

// What the path of a request below /uploads names.
struct UploadName {
  std::string id;
  std::string part;  // As the request has it; empty where there is none.
};

Result<UploadName> upload_name(const RestCall& call) {
  MDFS_TRY(const auto components, metadata::split_path(call.path));
  UploadName name;
  if (!components.empty()) name.id = components.front();
  if (components.size() == 3) name.part = components.back();
  if (is_upload_id(name.id)) return name;
  return Error{Errc::kNotFound, "upload " + name.id + ": not found"};
}

Json upload_json(const std::string& id, const UploadPlan& plan, const UploadState& state) {
  Json object;
  object["id"] = id;
  put_bytes(object, "path", plan.path);
  object["size"] = plan.size;
  object["overwrite"] = plan.overwrite;
  object["part_size"] = plan.part_bytes();
  object["complete"] = state.complete();
  object["parts"] = Json::array();
  const bool all = state.has_all(plan);
  for (std::uint64_t number = 0; all && number < plan.parts(); ++number) {
    object["parts"].push_back({{"number", number}, {"size", plan.length_of(number)}});
  }
  for (const auto& [number, length] : state.parts) {
    if (!all) object["parts"].push_back({{"number", number}, {"size", length}});
  }
  return object;
}

Result<UploadPlan> wanted_plan(const std::string& body) {
  MDFS_TRY(auto plan, parse_upload_plan(body));
  MDFS_CHECK(check_unreserved(plan.path));
  return plan;
}

// What is certain only in the end is told at the beginning as far as it can be seen.
asio::awaitable<Status> check_place(RestCall& call, const UploadPlan& plan) {
  const auto there = co_await client::stat(call.context, plan.path);
  if (there.ok()) co_return check_replacing(plan, *there);
  co_return there.error().code == Errc::kNotFound ? Status() : Status(there.error());
}

// --- Parts -------------------------------------------------------------------------------------

Error wrong_length(std::uint64_t number, std::uint64_t wanted) {
  return {Errc::kInvalidArgument, "part " + std::to_string(number) + ": has " +
                                      std::to_string(wanted) + " bytes, not so many as were sent"};
}

Result<std::uint64_t> number_in(const UploadPlan& plan, const std::string& text) {
  const auto number = part_number(text);
  if (!number) return Error{Errc::kInvalidArgument, "part " + text + ": is no number"};
  if (*number < plan.parts()) return *number;
  return Error{Errc::kNotFound,
               "part " + text + ": not one of the " + std::to_string(plan.parts()) + " there are"};
}

asio::awaitable<Status> take_part(RestCall& call, IncomingFile& file, std::uint64_t number,
                                  std::uint64_t length) {
  for (;;) {
    const auto bytes = co_await next_of_body(call.exchange);
    if (!bytes.ok()) co_return bytes.error();
    if (bytes->size() > length - file.size() || (bytes->empty() && file.size() < length)) {
      co_return wrong_length(number, length);
    }
    if (bytes->empty()) co_return Status();
    Status written = co_await file.write(*bytes);
    if (!written.ok()) co_return written;
  }
}

// In place of the same part, if it was sent before. An upload that was abandoned meanwhile does not
// come back.
asio::awaitable<Status> store(RestCall& call, const std::string& id, const UploadPlan& plan,
                              std::uint64_t number) {
  const auto length = plan.length_of(number);
  const auto announced = call.exchange.request().content_length;
  if (announced && *announced != length) co_return wrong_length(number, length);
  auto settings = settings_of(call.context, plan);
  settings.overwrite = true;
  settings.parents = false;
  auto begun = co_await IncomingFile::begin(call.exchange, call.context, part_path(id, number),
                                            std::move(settings), length);
  if (!begun.ok()) co_return std::move(begun).error();
  auto& file = **begun;
  Status stored = co_await take_part(call, file, number, length);
  stored = co_await file.end(std::move(stored));
  co_return stored;
}

// --- The end -----------------------------------------------------------------------------------

Error parts_missing(const UploadPlan& plan, const UploadState& state) {
  std::string numbers;
  for (const auto number : missing_parts(plan, state, kNamedMax)) {
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(number);
  }
  return {Errc::kInvalidArgument, plan.path + ": parts are missing: " + numbers};
}

}  // namespace

asio::awaitable<Status> begin_upload(RestCall& call) {
  const auto body = co_await call.exchange.read_whole_body(kPlanBytesMax);
  if (!body.ok()) co_return body.error();
  auto plan = wanted_plan(*body);
  if (!plan.ok()) co_return plan.error();
  Status may = co_await check_place(call, *plan);
  if (!may.ok()) co_return may;
  const auto id = co_await begin_stored_upload(call.context, *plan);
  if (!id.ok()) co_return id.error();
  UploadState nothing;
  nothing.joined.emplace();
  const auto object = upload_json(*id, *plan, nothing);
  co_await answer(call, 201, object);
  co_return Status();
}

asio::awaitable<Status> show_upload(RestCall& call) {
  const auto name = upload_name(call);
  if (!name.ok()) co_return name.error();
  const auto plan = co_await read_plan(call.context, name->id);
  if (!plan.ok()) co_return plan.error();
  const auto state = co_await look_up(call.context, name->id);
  if (!state.ok()) co_return state.error();
  const auto object = upload_json(name->id, *plan, *state);
  co_await answer(call, 200, object);
  co_return Status();
}

asio::awaitable<Status> store_part(RestCall& call) {
  const auto name = upload_name(call);
  if (!name.ok()) co_return name.error();
  const auto plan = co_await read_plan(call.context, name->id);
  if (!plan.ok()) co_return plan.error();
  const auto number = number_in(*plan, name->part);
  if (!number.ok()) co_return number.error();
  const auto joined = co_await client::stat(call.context, joined_path(name->id));
  if (!joined.ok() && joined.error().code != Errc::kNotFound) co_return joined.error();
  if (!joined.ok() || joined->length > 0) {
    co_return Error{Errc::kInUse, plan->path + ": all parts have come, and were joined"};
  }
  Status stored = co_await store(call, name->id, *plan, *number);
  if (!stored.ok()) co_return stored;
  const Json object{{"number", *number}, {"size", plan->length_of(*number)}};
  co_await answer(call, 200, object);
  co_return Status();
}

asio::awaitable<Status> complete_upload(RestCall& call) {
  const auto name = upload_name(call);
  if (!name.ok()) co_return name.error();
  const auto overwrite = flag(call.query, "overwrite");
  if (!overwrite.ok()) co_return overwrite.error();
  auto plan = co_await read_plan(call.context, name->id);
  if (!plan.ok()) co_return plan.error();
  plan->overwrite = plan->overwrite || *overwrite;
  const auto state = co_await look_up(call.context, name->id);
  if (!state.ok()) co_return state.error();
  if (!state->has_all(*plan) && !missing_parts(*plan, *state, 1).empty()) {
    auto refusal = error_response(parts_missing(*plan, *state), 409);
    co_await call.exchange.respond(std::move(refusal));
    co_return Status();
  }
  Status finished = co_await finish_stored_upload(call.context, name->id, *plan);
  if (!finished.ok()) co_return finished;
  Json object;
  put_bytes(object, "path", plan->path);
  object["size"] = plan->size;
  co_await answer(call, 200, object);
  co_return Status();
}

asio::awaitable<Status> abandon_upload(RestCall& call) {
  const auto name = upload_name(call);
  if (!name.ok()) co_return name.error();
  Status abandoned = co_await abandon_stored_upload(call.context, name->id);
  if (!abandoned.ok()) co_return abandoned;
  Response response;
  response.head.status = 204;
  co_await call.exchange.respond(std::move(response));
  co_return Status();
}

}  // namespace minidfs::http::rest
