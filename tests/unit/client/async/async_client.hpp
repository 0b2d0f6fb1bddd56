// A client of a fake cluster that has a loop of its own, which runs while an operation does.
#pragma once

#include "net/blocking_loop.hpp"
// The above comes first: see net/asio.hpp.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "client/async/async_files.hpp"
#include "unit/client/files_fixture.hpp"

namespace minidfs::client {

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

struct AsyncClient {
  explicit AsyncClient(FakeCluster& cluster, Options options = quick()) {
    options.namenodes = {cluster.namenode->address()};
    context = std::move(*ClientContext::make(std::move(options)));
    loop = std::move(*net::BlockingLoop::make());
  }

  template <class Object, class T>
  T run(Object& object, asio::awaitable<T> operation) const {
    return loop->run(object, std::move(operation));
  }
  template <class Object>
  void run(Object& object, asio::awaitable<void> operation) const {
    loop->run(object, std::move(operation));
  }

  // Lets the loop do what there is to do.
  void go_on(std::chrono::milliseconds time) const {
    asio::steady_timer timer(loop->executor(), time);
    loop->run(timer, [](asio::steady_timer& over) -> asio::awaitable<void> {
      co_await over.async_wait(asio::use_awaitable);
    }(timer));
  }

  std::unique_ptr<FileUpload> upload(const std::string& path,
                                     const UploadSettings& settings = {}) const {
    auto made = FileUpload::make(loop->executor(), *context, path, settings);
    if (!made.ok()) FAIL(made.error().message);
    return std::move(*made);
  }

  // In pieces of so many bytes; not committed.
  Status write(FileUpload& upload, const std::string& content, std::size_t piece) const {
    for (std::size_t at = 0; at < content.size(); at += piece) {
      const auto bytes = bytes_of(content).subspan(at, std::min(piece, content.size() - at));
      MDFS_CHECK(run(upload, upload.write(bytes)));
    }
    return {};
  }

  // From upload to close.
  Status put(const std::string& path, const std::string& content, std::size_t piece,
             const UploadSettings& settings = {}) const {
    const auto upload = this->upload(path, settings);
    auto status = write(*upload, content, piece);
    if (status.ok()) status = run(*upload, upload->commit());
    run(*upload, upload->close());
    return status;
  }

  std::unique_ptr<FileDownload> download(const std::string& path, std::uint64_t offset,
                                         std::uint64_t length) const {
    auto first = context->link.call(actors::LocateRequest{path, context->host, offset});
    if (!first.ok()) FAIL(first.error().message);
    return std::make_unique<FileDownload>(loop->executor(), *context, path, std::move(*first),
                                          offset, length);
  }

  // What is left of it.
  Result<std::string> read(FileDownload& download) const {
    std::string content;
    for (;;) {
      MDFS_TRY(const auto piece, run(download, download.next()));
      if (piece.empty()) return content;
      CHECK(piece.size() <= FileDownload::kPieceBytes);
      content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    }
  }

  std::unique_ptr<ClientContext> context;
  std::unique_ptr<net::BlockingLoop> loop;
};

}  // namespace minidfs::client
