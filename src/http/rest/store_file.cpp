#include "http/rest/resources.hpp"
// The above comes first: see net/asio.hpp.
#include <optional>

#include "http/field_text.hpp"
#include "http/rest/conditions.hpp"
#include "http/rest/request_files.hpp"
#include "http/rest/rest_json.hpp"

namespace minidfs::http::rest {
namespace {

asio::awaitable<Status> take_body(RestCall& call, IncomingFile& file) {
  for (;;) {
    const auto bytes = co_await next_of_body(call.exchange);
    if (!bytes.ok()) co_return bytes.error();
    if (bytes->empty()) co_return Status();
    Status written = co_await file.write(*bytes);
    if (!written.ok()) co_return written;
  }
}

// What gives it is how many bytes the file has.
asio::awaitable<Result<std::uint64_t>> store(RestCall& call, client::UploadSettings settings) {
  const auto announced = call.exchange.request().announced_body();
  auto begun = co_await IncomingFile::begin(call.exchange, call.context, call.path,
                                            std::move(settings), announced);
  if (!begun.ok()) co_return std::move(begun).error();
  auto& file = **begun;
  Status stored = co_await take_body(call, file);
  stored = co_await file.end(std::move(stored));
  if (!stored.ok()) co_return std::move(stored).error();
  co_return file.size();
}

// The file that is there now.
asio::awaitable<Result<std::optional<Validators>>> present(RestCall& call) {
  const auto status = co_await client::stat(call.context, call.path);
  if (status.ok()) co_return std::optional(validators_of(*status));
  if (status.error().code == Errc::kNotFound) co_return std::optional<Validators>();
  co_return status.error();
}

Error condition_failed(const RestCall& call) {
  return {Errc::kAlreadyExists, call.path + ": the condition of the request does not hold"};
}

}  // namespace

// Whether a file is replaced is looked up before its successor is written: another writer may be
// faster, which changes the status of the answer and nothing else. That nothing is replaced, when
// the client says so, is certain.
asio::awaitable<Status> store_file(RestCall& call) {
  const auto& fields = call.exchange.request().fields;
  if (fields.find("Content-Range")) {
    co_return Error{Errc::kInvalidArgument, "parts of a file cannot be written"};
  }
  auto settings = upload_settings(call);
  if (!settings.ok()) co_return settings.error();
  const auto old = co_await present(call);
  if (!old.ok()) co_return old.error();
  const bool only_new = trimmed(fields.find("If-None-Match").value_or("")) == "*";
  settings->overwrite = !only_new;
  Result<std::uint64_t> size = condition_failed(call);
  const bool may_write = permits_write(fields, *old);
  if (may_write) size = co_await store(call, *std::move(settings));
  if (!size.ok()) {
    const bool failed = !may_write || (only_new && size.error().code == Errc::kAlreadyExists);
    if (!failed) co_return size.error();
    auto refusal = error_response(size.error(), 412);
    co_await call.exchange.respond(std::move(refusal));
    co_return Status();
  }
  Json object;
  put_bytes(object, "path", call.path);
  object["size"] = *size;
  co_await answer(call, old->has_value() ? 200 : 201, object);
  co_return Status();
}

}  // namespace minidfs::http::rest
