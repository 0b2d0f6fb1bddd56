// A file that comes with a request: visible when all of it has come, else nothing is left of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "http/rest/rest_call.hpp"

namespace minidfs::http::rest {

// How files are to be stored, by "replication", "block_size" and "compression". kInvalidArgument
// for values that are none.
Result<client::UploadSettings> upload_settings(const RestCall& call);

// The next bytes of the request's body; none at its end. kInvalidArgument for one that is not
// framed as it says.
asio::awaitable<Result<std::span<const std::byte>>> next_of_body(Exchange& exchange);

// The error as that says it.
Error of_body(Error error);

// To be ended by commit() or give_up(), whatever happens. REQUIRES: the call outlives this.
class IncomingFile {
 public:
  // Fails before any byte is taken when the name may not be written.
  static asio::awaitable<Result<std::unique_ptr<IncomingFile>>> begin(
      RestCall& call, std::string path, client::UploadSettings settings);

  asio::awaitable<Status> write(std::span<const std::byte> bytes);
  asio::awaitable<Status> commit();
  asio::awaitable<void> give_up();

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }  // Of what was written.

 private:
  IncomingFile(RestCall& call, std::string path, std::unique_ptr<client::FileUpload> upload)
      : call_(call), path_(std::move(path)), upload_(std::move(upload)) {}

  RestCall& call_;
  const std::string path_;
  const std::unique_ptr<client::FileUpload> upload_;
  std::uint64_t size_ = 0;
};

}  // namespace minidfs::http::rest
