#include "http/rest/resources.hpp"
// The above comes first: see net/asio.hpp.
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "base/path.hpp"
#include "http/rest/form_fields.hpp"
#include "http/rest/multipart_parser.hpp"
#include "http/rest/request_files.hpp"
#include "http/rest/rest_json.hpp"
#include "http/rest/upload_plan.hpp"

namespace minidfs::http::rest {
namespace {

// The files of one form, one after another. Each is visible when its part has ended; the one whose
// part breaks off leaves nothing.
class FormReceiver {
 public:
  FormReceiver(RestCall& call, std::string directory, client::UploadSettings settings)
      : call_(call), directory_(std::move(directory)), settings_(std::move(settings)) {}

  asio::awaitable<Status> receive(MultipartParser& parser) {
    Status received = co_await take_body(parser);
    if (file_) co_await file_->give_up();
    co_return received;
  }

  // Those that are stored.
  const Json& files() const { return files_; }

 private:
  asio::awaitable<Status> take_body(MultipartParser& parser) {
    for (;;) {
      const auto bytes = co_await next_of_body(call_.exchange);
      if (!bytes.ok()) co_return bytes.error();
      if (bytes->empty()) co_return parser.finish();
      Status taken = co_await take(parser, *bytes);
      if (!taken.ok()) co_return taken;
    }
  }

  asio::awaitable<Status> take(MultipartParser& parser, std::span<const std::byte> bytes) {
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (;;) {
      auto event = parser.next(text);
      if (!event.ok()) co_return std::move(event).error();
      if (!event->has_value()) co_return Status();
      Status taken = co_await obey(**event);
      if (!taken.ok()) co_return taken;
    }
  }

  // Parts that are no files are read over.
  asio::awaitable<Status> obey(const FormEvent& event) {
    Status done;
    if (const auto* begins = std::get_if<PartBegins>(&event)) {
      done = co_await begin(begins->fields);
    } else if (const auto* data = std::get_if<PartData>(&event); data != nullptr && file_) {
      const std::span text(data->bytes);
      done = co_await file_->write(std::as_bytes(text));
    } else if (std::holds_alternative<PartEnds>(event) && file_) {
      done = co_await commit();
    }
    co_return done;
  }

  asio::awaitable<Status> begin(const Fields& fields) {
    const auto name = file_name_of(fields);
    if (!name.ok()) co_return name.error();
    if (!name->has_value()) co_return Status();
    auto path = join_path(directory_, **name);
    auto begun = co_await IncomingFile::begin(call_.exchange, call_.context, std::move(path),
                                              settings_, std::nullopt);
    if (!begun.ok()) co_return std::move(begun).error();
    file_ = *std::move(begun);
    co_return Status();
  }

  asio::awaitable<Status> commit() {
    const auto file = std::exchange(file_, nullptr);
    Status committed = co_await file->commit();
    if (!committed.ok()) co_return committed;
    Json stored;
    put_bytes(stored, "path", file->path());
    stored["size"] = file->size();
    files_.push_back(std::move(stored));
    co_return Status();
  }

  RestCall& call_;
  const std::string directory_;
  const client::UploadSettings settings_;
  std::unique_ptr<IncomingFile> file_;  // That the present part is.
  Json files_ = Json::array();
};

struct Form {
  std::string directory;
  client::UploadSettings settings;
  MultipartParser parser;
};

Result<Form> form_of(const RestCall& call) {
  MDFS_TRY(const auto boundary, boundary_of(call.exchange.request().fields));
  MDFS_TRY(auto parser, MultipartParser::make(boundary));
  MDFS_TRY(auto directory, canonical_path(call.query.find("dir").value_or("/")));
  MDFS_CHECK(check_unreserved(directory));
  MDFS_TRY(auto settings, upload_settings(call));
  MDFS_TRY(settings.overwrite, flag(call.query, "overwrite"));
  return Form{std::move(directory), std::move(settings), std::move(parser)};
}

}  // namespace

asio::awaitable<Status> receive_form(RestCall& call) {
  auto form = form_of(call);
  if (!form.ok()) {
    const bool other_type = form.error().code == Errc::kUnsupported;
    auto refusal = error_response(form.error(), other_type ? 415 : status_of(form.error().code));
    co_await call.exchange.respond(std::move(refusal));
    co_return Status();
  }
  FormReceiver receiver(call, form->directory, form->settings);
  const Status received = co_await receiver.receive(form->parser);
  Json object;
  object["files"] = receiver.files();
  Response response;
  if (received.ok()) {
    response = json_response(201, object);
  } else {
    // What was stored before stays, and is told.
    const auto& error = received.error();
    response = error_response(error, status_of(error.code), std::move(object));
  }
  co_await call.exchange.respond(std::move(response));
  co_return Status();
}

}  // namespace minidfs::http::rest
