#include "http/incoming/incoming_file.hpp"

#include <utility>

namespace minidfs::http {

IncomingFile::IncomingFile(Exchange& exchange, client::ClientContext& context, std::string path,
                           client::UploadSettings settings)
    : exchange_(exchange),
      context_(context),
      path_(std::move(path)),
      settings_(std::move(settings)) {}

asio::awaitable<Result<std::unique_ptr<IncomingFile>>> IncomingFile::begin(
    Exchange& exchange, client::ClientContext& context, std::string path,
    client::UploadSettings settings, std::optional<std::uint64_t> announced_bytes) {
  std::unique_ptr<IncomingFile> file(
      new IncomingFile(exchange, context, std::move(path), std::move(settings)));
  const bool may_be_small = announced_bytes ? file->would_be_small(*announced_bytes)
                                            : !exchange.request().awaits_continue();
  if (may_be_small) co_return std::move(file);
  Status begun = co_await file->begin_upload();
  if (begun.ok()) co_return std::move(file);
  co_await file->give_up();
  co_return std::move(begun).error();
}

asio::awaitable<Status> IncomingFile::begin_upload() {
  auto made = client::FileUpload::make(exchange_.executor(), context_, path_, settings_);
  if (!made.ok()) co_return client::with_path(std::move(made).error(), path_);
  upload_ = *std::move(made);
  exchange_.on_cancel([upload = upload_.get()] { upload->cancel(); });
  Status checked = co_await upload_->check();
  if (!checked.ok()) co_return client::with_path(std::move(checked).error(), path_);
  co_return Status();
}

asio::awaitable<Status> IncomingFile::write(std::span<const std::byte> bytes) {
  size_ += bytes.size();
  if (!upload_ && would_be_small(size_)) {
    held_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    co_return Status();
  }
  Status written;
  if (!upload_) written = co_await write_held();
  if (written.ok()) written = co_await upload_->write(bytes);
  if (!written.ok()) co_return client::with_path(std::move(written).error(), path_);
  co_return Status();
}

// It has turned out to be a large one.
asio::awaitable<Status> IncomingFile::write_held() {
  Status begun = co_await begin_upload();
  if (!begun.ok()) co_return begun;
  const auto held = std::exchange(held_, {});
  Status written = co_await upload_->write(std::as_bytes(std::span(held)));
  co_return written;
}

asio::awaitable<Status> IncomingFile::commit() {
  Status committed;
  if (upload_) {
    committed = co_await upload_->commit();
  } else {
    committed = co_await put_held();
  }
  co_await give_up();
  if (!committed.ok()) co_return client::with_path(std::move(committed).error(), path_);
  co_return Status();
}

asio::awaitable<Status> IncomingFile::put_held() {
  const auto executor = exchange_.executor();
  net::Answer<Status> answer(executor);
  exchange_.on_cancel([&answer] { answer.cancel(); });
  client::put_small(context_, executor, path_, settings_, std::move(held_), answer.giver());
  Status stored = co_await answer.wait();
  exchange_.on_cancel(nullptr);
  co_return stored;
}

asio::awaitable<Status> IncomingFile::end(Status written) {
  if (written.ok()) {
    written = co_await commit();
  } else {
    co_await give_up();
  }
  co_return written;
}

// Of what is committed nothing is given up.
asio::awaitable<void> IncomingFile::give_up() {
  if (upload_) co_await upload_->close();
  exchange_.on_cancel(nullptr);
}

}  // namespace minidfs::http
