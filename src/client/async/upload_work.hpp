// The work behind FileUpload, as coroutines on its loop. Internal to the uploads.
#pragma once

#include "client/write/block_writer.hpp"
// The above comes first: see net/asio.hpp.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "client/client_context.hpp"
#include "client/write/file_blocks.hpp"
#include "client/write/file_writer.hpp"
#include "client/write/piece_buffer.hpp"
#include "net/answer.hpp"

namespace minidfs::client {

// What ends the present waits of several coroutines.
using Endings = std::list<std::function<void()>>;

// Belongs to the frame of the coroutine that waits, so that it goes with that, whatever ends it.
class Ending {
 public:
  Ending(Endings& all, std::function<void()> end)
      : all_(all), place_(all.insert(all.end(), std::move(end))) {}
  ~Ending() { all_.erase(place_); }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

 private:
  Endings& all_;
  Endings::iterator place_;
};

// A block on its way, with what it is sent with.
struct UploadedBlock;
using UploadedBlockPtr = std::unique_ptr<UploadedBlock>;

// The work of one upload, which does the operations of FileUpload. Beside these there are up to two
// coroutines on the loop, which keep this alive: one cuts blocks off what was written and sends
// them, the other waits for the acks of the block before.
class UploadWork : public std::enable_shared_from_this<UploadWork> {
 public:
  UploadWork(const asio::any_io_executor& executor, ClientContext& context, FileSettings settings,
             FinishedFile file, const StagingOptions& staging);
  // What is written from now on goes to the end of that file.
  void grow(GrowingFile file) { growing_ = std::move(file); }
  ~UploadWork();
  UploadWork(const UploadWork&) = delete;
  UploadWork& operator=(const UploadWork&) = delete;

  asio::awaitable<Status> check();
  asio::awaitable<Status> write(std::span<const std::byte> bytes);
  asio::awaitable<Status> commit();
  asio::awaitable<void> close();
  void cancel();

 private:
  asio::awaitable<Status> check_name();
  asio::awaitable<Status> commit_blocks();
  asio::awaitable<Status> commit_file();
  asio::awaitable<Status> add_to_file(std::vector<StoredBlock> blocks);
  asio::awaitable<Status> stage(FilePart part);
  PipelineDemand demand(std::uint64_t block_size) const;
  void start(asio::awaitable<void> coroutine);
  asio::awaitable<void> wait_for_coroutines();
  asio::awaitable<void> send_blocks();
  UploadedBlockPtr cut_block();
  asio::awaitable<void> send_block(UploadedBlock& sent);
  asio::awaitable<void> finish_block(UploadedBlockPtr sent);
  asio::awaitable<Status> store(UploadedBlock& sent);
  void fail(Error error);
  void end_session(std::function<void()> ended);
  template <class T>
  asio::awaitable<Result<T>> take(net::Answer<Result<T>>& answer);
  template <class Request>
  asio::awaitable<Result<NamenodeLink::Reply<Request>>> call(Request request);

  asio::any_io_executor executor_;
  ClientContext& context_;
  const FileSettings settings_;
  const std::string path_;
  FinishedFile file_;
  std::optional<GrowingFile> growing_;  // None: the file is new.
  const std::size_t first_bytes_;       // Of a block, which are looked at when it is cut.
  std::unique_ptr<WriteSession> session_;
  const ProgressCallback nobody_;
  ProgressMeter progress_{nobody_};
  PieceBuffer pieces_;
  StreamCutter cutter_;
  FileBlocks stored_;
  std::uint64_t blocks_ = 0;  // Cut off.
  std::vector<std::unique_ptr<SendingSpace>> free_;
  bool sends_ = false;      // It has begun to.
  bool finishing_ = false;  // A block waits for its acks.
  int running_ = 0;         // Coroutines of this.
  asio::steady_timer changed_;
  Endings endings_;
  Status failure_;  // The first one, for good.
};

}  // namespace minidfs::client
