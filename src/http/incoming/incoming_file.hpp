// A new file that comes with a request: visible when all of it has come, or nothing is left of it.
// Until it is known to be a large one its bytes are held: a small one is written as a whole,
// together with others (client::put_small).
#pragma once

#include "client/async/async_files.hpp"
// The above comes first: see net/asio.hpp.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "http/exchange.hpp"

namespace minidfs::http {

// Belongs to the loop of the exchange, whose handler waits for no more than one operation of this
// at a time. To be ended by commit() or give_up(), whatever happens. Errors name the path.
class IncomingFile {
 public:
  // `announced_bytes`: of the file, where its size is known. Fails before any byte is taken when
  // these are many, or the client waits for leave to send who knows how many, and the name may not
  // be written. REQUIRES: exchange and context outlive this.
  static asio::awaitable<Result<std::unique_ptr<IncomingFile>>> begin(
      Exchange& exchange, client::ClientContext& context, std::string path,
      client::UploadSettings settings, std::optional<std::uint64_t> announced_bytes);

  asio::awaitable<Status> write(std::span<const std::byte> bytes);
  // The file is visible when this returns.
  asio::awaitable<Status> commit();
  asio::awaitable<void> give_up();
  // The first when all was written, else the second; what has failed.
  asio::awaitable<Status> end(Status written);

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }  // Of what was written.

 private:
  IncomingFile(Exchange& exchange, client::ClientContext& context, std::string path,
               client::UploadSettings settings);

  bool would_be_small(std::uint64_t bytes) const {
    return client::is_small(context_, settings_, bytes);
  }
  asio::awaitable<Status> begin_upload();
  asio::awaitable<Status> write_held();
  asio::awaitable<Status> put_held();

  Exchange& exchange_;
  client::ClientContext& context_;
  const std::string path_;
  const client::UploadSettings settings_;
  std::string held_;                            // All that was written, while there is no upload.
  std::unique_ptr<client::FileUpload> upload_;  // None while the file may be a small one.
  std::uint64_t size_ = 0;
};

}  // namespace minidfs::http
