#include "http/rest/incoming_file.hpp"

#include "base/option_types.hpp"
#include "base/units.hpp"

namespace minidfs::http::rest {
namespace {

Error invalid(std::string_view parameter, const std::string& value) {
  return {Errc::kInvalidArgument,
          std::string(parameter) + "=" + value + ": not a value of this parameter"};
}

}  // namespace

Result<client::UploadSettings> upload_settings(const RestCall& call) {
  client::UploadSettings settings;
  settings.owner = owner_of(call);
  settings.group = call.context.options.group;
  if (const auto text = call.query.find("replication")) {
    const auto copies = parse_number(*text);
    if (!copies || *copies == 0 || *copies > UINT8_MAX) return invalid("replication", *text);
    settings.replication = static_cast<std::uint8_t>(*copies);
  }
  if (const auto text = call.query.find("block_size")) {
    MDFS_TRY(settings.block_size, parse_size(*text));
    if (settings.block_size == 0) return invalid("block_size", *text);
  }
  if (const auto text = call.query.find("compression")) {
    MDFS_TRY(settings.compression, option_types::CompressionName::parse(*text));
  }
  return settings;
}

asio::awaitable<Result<std::span<const std::byte>>> next_of_body(Exchange& exchange) {
  auto bytes = co_await exchange.read_body();
  if (!bytes.ok()) co_return of_body(std::move(bytes).error());
  co_return bytes;
}

Error of_body(Error error) {
  if (error.code == Errc::kProtocol) error.code = Errc::kInvalidArgument;
  return error;
}

asio::awaitable<Result<std::unique_ptr<IncomingFile>>> IncomingFile::begin(
    RestCall& call, std::string path, client::UploadSettings settings) {
  auto upload =
      client::FileUpload::make(call.exchange.executor(), call.context, path, std::move(settings));
  if (!upload.ok()) co_return std::move(upload).error();
  std::unique_ptr<IncomingFile> file(new IncomingFile(call, std::move(path), *std::move(upload)));
  call.exchange.on_cancel([cancelled = file->upload_.get()] { cancelled->cancel(); });
  Status checked;
  // Of a small one the namenode checks the name soon enough.
  if (!call.exchange.request().has_small_body()) checked = co_await file->upload_->check();
  if (checked.ok()) co_return std::move(file);
  co_await file->give_up();
  co_return client::with_path(std::move(checked).error(), file->path_);
}

asio::awaitable<Status> IncomingFile::write(std::span<const std::byte> bytes) {
  size_ += bytes.size();
  Status written = co_await upload_->write(bytes);
  if (!written.ok()) co_return client::with_path(std::move(written).error(), path_);
  co_return Status();
}

asio::awaitable<Status> IncomingFile::commit() {
  Status committed = co_await upload_->commit();
  co_await give_up();
  if (!committed.ok()) co_return client::with_path(std::move(committed).error(), path_);
  co_return Status();
}

// Of what is committed nothing is given up.
asio::awaitable<void> IncomingFile::give_up() {
  co_await upload_->close();
  call_.exchange.on_cancel(nullptr);
}

}  // namespace minidfs::http::rest
