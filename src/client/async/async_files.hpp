// The client library for those who have a loop of their own and never block it, as the HTTP server
// does: requests to the namenode, and files read and written piece by piece. What FileSystem is for
// those who block. All of it works with a ClientContext (ClientContext::make()), which outlives it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "net/answer.hpp"
// The above comes first: see net/asio.hpp.
#include "actors/messages.hpp"
#include "base/result.hpp"
#include "client/async/upload_settings.hpp"
#include "client/client_context.hpp"
#include "client/write/file_blocks.hpp"

namespace minidfs::client {

// Asks the namenode that leads, and waits on the loop of the caller. The link ends every wait,
// after `timeout` at the latest (0: that of the options). Give it a request that has a name: g++ 12
// destroys one that is made within a co_await twice.
template <class Request>
asio::awaitable<Result<NamenodeLink::Reply<Request>>> ask(
    ClientContext& context, Request request,
    std::chrono::milliseconds timeout = std::chrono::milliseconds{0}) {
  const auto executor = co_await asio::this_coro::executor;
  net::Answer<Result<NamenodeLink::Reply<Request>>> answer(executor);
  context.link.submit<Request>(std::move(request), answer.giver(), timeout);
  auto reply = co_await answer.wait();
  co_return reply;
}

// Bytes of a file, in order, from whichever replicas can give them, each slice verified before it
// is given. Belongs to the loop of its executor; one operation at a time, which the object
// outlives.
class FileDownload {
 public:
  static constexpr std::size_t kPieceBytes = 1 << 20;

  // [offset, offset + length) of the file, cut at its end. `first` is a page of its blocks that
  // holds the byte at `offset`, as the link of `context` got it (actors::LocateRequest). REQUIRES:
  // `context` outlives this.
  FileDownload(const asio::any_io_executor& executor, ClientContext& context, std::string path,
               actors::LocatedFile first, std::uint64_t offset, std::uint64_t length);
  ~FileDownload();
  FileDownload(const FileDownload&) = delete;
  FileDownload& operator=(const FileDownload&) = delete;

  std::uint64_t length() const;  // What is read in all.
  // Is given bytes as they come, and says how many of them, from the first on, it has done with.
  using Taker = std::function<std::size_t(std::span<const std::byte>)>;
  // At most kPieceBytes, which stand there until the next call; none at the end. What follows is
  // requested of its datanode meanwhile. What `take` takes on its way is not among what is
  // returned. Errors name the path; after one there is nothing more.
  asio::awaitable<Result<std::span<const std::byte>>> next(Taker take = nullptr);
  // The operation under way ends with kCancelled, and all that follow.
  void cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

inline constexpr std::size_t kSmallFileBytesMax = 64 << 10;
// Whether the file is so small that it is better written as a whole, with put_small().
bool is_small(const ClientContext& context, const UploadSettings& settings, std::uint64_t bytes);
// Writes it together with others that come at the same time. `answer` is called once, on any
// thread: the file is visible, or the error names the path. REQUIRES: is_small().
void put_small(ClientContext& context, const asio::any_io_executor& executor,
               const std::string& path, const UploadSettings& settings, std::string content,
               std::function<void(Status)> answer);

// A new file, written piece by piece and visible as a whole after commit(). Belongs to the loop of
// its executor; one operation at a time, which the object outlives. Memory: two chunks of 512 KiB
// for each of the two blocks that may be on their way, and what a ReplayBuffer keeps of these.
class FileUpload {
 public:
  // kInvalidArgument when the settings are of no use. REQUIRES: `context` outlives this, and its
  // loop where close() is not called.
  static Result<std::unique_ptr<FileUpload>> make(const asio::any_io_executor& executor,
                                                  ClientContext& context, const std::string& path,
                                                  const UploadSettings& settings,
                                                  const StagingOptions& staging = {});
  // What is written goes behind the end of the file that `status` is of, wherever it is by then;
  // it is there as a whole, or in a few parts when it has thousands of blocks.
  static Result<std::unique_ptr<FileUpload>> append(const asio::any_io_executor& executor,
                                                    ClientContext& context, const std::string& path,
                                                    const metadata::FileStatus& status);
  // Without close() what is under way ends on the loop as after cancel().
  virtual ~FileUpload() = default;

  // Whether the name may be written, before any byte is: the errors of commit() that concern it.
  virtual asio::awaitable<Status> check() = 0;
  // Takes the bytes; waits while the datanodes are slower. After an error nothing can be written
  // any more.
  virtual asio::awaitable<Status> write(std::span<const std::byte> bytes) = 0;
  // The file is visible with all that was written when this returns. Nothing is written after it.
  virtual asio::awaitable<Status> commit() = 0;
  // What was not committed is given up. Last of all, also after an error and after commit(); the
  // object may be destroyed then.
  virtual asio::awaitable<void> close() = 0;
  // The operation under way ends with kCancelled, and all that follow but close().
  virtual void cancel() = 0;
};

}  // namespace minidfs::client
