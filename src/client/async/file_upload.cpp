#include "client/write/block_writer.hpp"
// The above comes first: see net/asio.hpp.
#include <algorithm>
#include <functional>
#include <list>
#include <utility>

#include "client/async/async_files.hpp"
#include "client/write/file_writer.hpp"
#include "client/write/piece_buffer.hpp"
#include "net/answer.hpp"

namespace minidfs::client {
namespace {

using Clock = std::chrono::steady_clock;

// How long close() waits until what was written is given up.
constexpr std::chrono::milliseconds kEndPatience{2000};

Error cancelled() { return {Errc::kCancelled, "cancelled"}; }

// "/a/b" of "/a/b/c".
std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

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
struct UploadedBlock {
  UploadedBlock(const asio::any_io_executor& executor, WriteSession& session,
                ProgressMeter& progress, const BlockWriteOptions& options, std::uint64_t its_index,
                std::unique_ptr<SendingSpace> its_space, std::unique_ptr<BlockSource> its_source)
      : index(its_index),
        space(std::move(its_space)),
        source(std::move(its_source)),
        block{source.get()},
        writer(executor, session, progress, options, *space) {}

  std::uint64_t index;
  std::unique_ptr<SendingSpace> space;
  std::unique_ptr<BlockSource> source;
  BlockToWrite block;
  BlockWriter writer;
};
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
  ~UploadWork() { end_session({}); }
  UploadWork(const UploadWork&) = delete;
  UploadWork& operator=(const UploadWork&) = delete;

  asio::awaitable<Status> check();
  asio::awaitable<Status> write(std::span<const std::byte> bytes);
  asio::awaitable<Status> commit();
  asio::awaitable<void> close();
  void cancel() { fail(cancelled()); }

 private:
  asio::awaitable<Status> check_name();
  asio::awaitable<Status> commit_blocks();
  asio::awaitable<Status> commit_file();
  asio::awaitable<Status> add_to_file(std::vector<StoredBlock> blocks);
  asio::awaitable<Status> stage(FilePart part);
  PipelineDemand demand(std::uint64_t block_size) const;
  void start(asio::awaitable<void> coroutine);
  asio::awaitable<void> wait_for_change();
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

UploadWork::UploadWork(const asio::any_io_executor& executor, ClientContext& context,
                       FileSettings settings, FinishedFile file, const StagingOptions& staging)
    : executor_(executor),
      context_(context),
      settings_(std::move(settings)),
      path_(file.file.path),
      file_(std::move(file)),
      first_bytes_(
          static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, settings_.block_size))),
      session_(std::make_unique<WriteSession>(context)),
      pieces_(executor, kChunkBytes),
      cutter_(pieces_, settings_.block_size),
      stored_(settings_.block_size, settings_.replication, staging),
      changed_(executor, Clock::time_point::max()) {}

// --- The operations ----------------------------------------------------------------------------

asio::awaitable<Status> UploadWork::check() {
  if (failure_.ok() && !growing_) {
    Status allowed = co_await check_name();
    if (!allowed.ok()) fail(std::move(allowed).error());
  }
  co_return failure_;
}

// As the namenode does with the first block and with the commit.
asio::awaitable<Status> UploadWork::check_name() {
  actors::StatRequest request{path_};
  const auto found = co_await call(std::move(request));
  if (found.ok() && found->kind == metadata::FileKind::kDirectory) {
    co_return Error{Errc::kIsADirectory, path_ + ": is a directory"};
  }
  if (found.ok() && !settings_.overwrite) {
    co_return Error{Errc::kAlreadyExists, path_ + ": already exists"};
  }
  if (found.ok()) co_return Status();
  if (found.error().code != Errc::kNotFound) co_return found.error();
  if (file_.file.parents) co_return Status();
  actors::StatRequest above{parent_of(path_)};
  const auto parent = co_await call(std::move(above));
  co_return parent.ok() ? Status() : Status(parent.error());
}

asio::awaitable<Status> UploadWork::write(std::span<const std::byte> bytes) {
  if (!bytes.empty() && !std::exchange(sends_, true)) start(send_blocks());
  while (failure_.ok()) {
    bytes = bytes.subspan(pieces_.put(bytes));
    if (bytes.empty()) break;
    co_await pieces_.wait_for_room();
  }
  co_return failure_;
}

asio::awaitable<Status> UploadWork::commit() {
  pieces_.end();
  co_await wait_for_coroutines();
  if (failure_.ok()) {
    Status committed = co_await commit_blocks();
    if (!committed.ok()) fail(std::move(committed).error());
  }
  co_return failure_;
}

asio::awaitable<Status> UploadWork::commit_blocks() {
  Status whole = stored_.finish(blocks_, file_);
  if (!whole.ok()) co_return whole;
  Status committed;
  if (!growing_) {
    committed = co_await commit_file();
  } else if (!file_.blocks.empty()) {
    committed = co_await add_to_file(std::move(file_.blocks));
  }
  co_return committed;
}

asio::awaitable<Status> UploadWork::commit_file() {
  std::vector<FinishedFile> files;
  files.push_back(std::move(file_));
  net::Answer<WriteSession::Outcomes> answer(executor_);
  session_->commit(std::move(files), stored_.staged(), answer.giver());
  const auto outcomes = co_await take(answer);
  if (!outcomes.ok()) co_return outcomes.error();
  const auto outcome = metadata::to_result(outcomes->front());
  co_return outcome.ok() ? Status() : Status(outcome.error());
}

asio::awaitable<Status> UploadWork::add_to_file(std::vector<StoredBlock> blocks) {
  net::Answer<Result<std::uint64_t>> answer(executor_);
  session_->append(*growing_, std::move(blocks), answer.giver());
  const auto length = co_await take(answer);
  if (!length.ok()) co_return length.error();
  growing_->length = *length;
  co_return Status();
}

asio::awaitable<Status> UploadWork::stage(FilePart part) {
  net::Answer<Status> answer(executor_);
  session_->stage(std::move(part.change), std::move(part.blocks), answer.giver());
  Status staged = co_await take(answer);
  co_return staged;
}

asio::awaitable<void> UploadWork::close() {
  cancel();
  co_await wait_for_coroutines();
  net::Answer<bool> ended(executor_);
  end_session([giver = ended.giver()] { giver(true); });
  (void)co_await ended.take(Clock::now() + kEndPatience);
}

// --- Coroutines --------------------------------------------------------------------------------

void UploadWork::start(asio::awaitable<void> coroutine) {
  ++running_;
  asio::co_spawn(executor_, std::move(coroutine),
                 [work = shared_from_this()](const std::exception_ptr& thrown) {
                   if (thrown) work->fail({Errc::kInternal, "an upload ended with an exception"});
                   --work->running_;
                   work->changed_.cancel();
                 });
}

asio::awaitable<void> UploadWork::wait_for_change() {
  boost::system::error_code ignored;
  co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<void> UploadWork::wait_for_coroutines() {
  while (running_ > 0) co_await wait_for_change();
}

// While a block waits for its acks the next one may come.
asio::awaitable<void> UploadWork::send_blocks() {
  for (;;) {
    while (failure_.ok() && !pieces_.holds(first_bytes_)) co_await pieces_.wait_for(first_bytes_);
    auto block = failure_.ok() ? cut_block() : nullptr;
    if (!block) co_return;
    co_await send_block(*block);
    while (failure_.ok() && finishing_) co_await wait_for_change();
    if (!failure_.ok()) co_return;
    finishing_ = true;
    start(finish_block(std::move(block)));
  }
}

// Null when nothing follows.
UploadedBlockPtr UploadWork::cut_block() {
  std::unique_ptr<SendingSpace> space;
  if (free_.empty()) {
    space = std::make_unique<SendingSpace>(settings_.compression);
  } else {
    space = std::move(free_.back());
    free_.pop_back();
  }
  auto source = cutter_.cut(blocks_, space->buffer);
  if (!source.ok()) fail(std::move(source).error());
  if (!failure_.ok() || !*source) return nullptr;
  if (blocks_ == 0) {
    session_->expect_pipelines(demand((*source)->length_max()), cutter_.expected(), 1);
  }
  return std::make_unique<UploadedBlock>(
      executor_, *session_, progress_,
      BlockWriteOptions{settings_.compression, settings_.replication, nullptr}, blocks_++,
      std::move(space), std::move(*source));
}

PipelineDemand UploadWork::demand(std::uint64_t block_size) const {
  if (growing_) return {{}, 1, block_size, settings_.replication};
  return {{{path_, settings_.overwrite}}, 1, block_size, settings_.replication};
}

asio::awaitable<void> UploadWork::send_block(UploadedBlock& sent) {
  net::Answer<Result<Pipeline>> answer(executor_);
  session_->next_pipeline(answer.giver());
  auto pipeline = co_await take(answer);
  if (!failure_.ok()) co_return;
  const Ending ending(endings_, [&sent] { sent.writer.cancel(); });
  co_await sent.writer.send({&sent.block, 1}, std::move(pipeline));
  auto failure = sent.block.unreadable ? Status(*sent.block.unreadable) : sent.writer.failure();
  if (!failure.ok()) fail(std::move(failure).error());
}

asio::awaitable<void> UploadWork::finish_block(UploadedBlockPtr sent) {
  Status stored = co_await store(*sent);
  if (!stored.ok()) fail(std::move(stored).error());
  free_.push_back(std::move(sent->space));
  finishing_ = false;
}

asio::awaitable<Status> UploadWork::store(UploadedBlock& sent) {
  const Ending ending(endings_, [&sent] { sent.writer.cancel(); });
  const Status finished = co_await sent.writer.finish();
  Status outcome =
      outcome_of(sent.block, finished, copies_min(context_.options, settings_.replication));
  if (!outcome.ok() || sent.block.stored.nodes.empty()) co_return outcome;
  stored_.add(sent.index, std::move(sent.block.stored));
  while (auto part = stored_.take_part()) {
    if (!failure_.ok()) co_return failure_;
    Status staged;
    if (growing_) {
      staged = co_await add_to_file(std::move(part->blocks));
    } else {
      staged = co_await stage(std::move(*part));
    }
    if (!staged.ok()) co_return staged;
  }
  co_return Status();
}

// --- Ends --------------------------------------------------------------------------------------

void UploadWork::fail(Error error) {
  if (failure_.ok()) failure_ = with_path(std::move(error), path_);
  for (const auto& end : endings_) end();
  pieces_.end_waits();
  changed_.cancel();
}

void UploadWork::end_session(std::function<void()> ended) {
  if (session_) {
    WriteSession::end(std::move(session_), std::move(ended));
  } else if (ended) {
    ended();
  }
}

// What the link's thread gives.
template <class T>
asio::awaitable<Result<T>> UploadWork::take(net::Answer<Result<T>>& answer) {
  const Ending ending(endings_, [&answer] { answer.cancel(); });
  // The link answers in time.
  auto given = co_await answer.take(Clock::time_point::max());
  if (given) co_return *std::move(given);
  co_return cancelled();
}

template <class Request>
asio::awaitable<Result<NamenodeLink::Reply<Request>>> UploadWork::call(Request request) {
  net::Answer<Result<NamenodeLink::Reply<Request>>> answer(executor_);
  context_.link.submit<Request>(std::move(request), answer.giver());
  auto reply = co_await take(answer);
  co_return reply;
}

class Upload final : public FileUpload {
 public:
  explicit Upload(std::shared_ptr<UploadWork> work) : work_(std::move(work)) {}
  ~Upload() override { work_->cancel(); }

  asio::awaitable<Status> check() override { return work_->check(); }
  asio::awaitable<Status> write(std::span<const std::byte> bytes) override {
    return work_->write(bytes);
  }
  asio::awaitable<Status> commit() override { return work_->commit(); }
  asio::awaitable<void> close() override { return work_->close(); }
  void cancel() override { work_->cancel(); }

 private:
  const std::shared_ptr<UploadWork> work_;
};

}  // namespace

Result<std::unique_ptr<FileUpload>> FileUpload::make(const asio::any_io_executor& executor,
                                                     ClientContext& context,
                                                     const std::string& path,
                                                     const UploadSettings& settings,
                                                     const StagingOptions& staging) {
  MDFS_TRY(auto file, new_file(context.options, path, settings));
  return std::unique_ptr<FileUpload>(std::make_unique<Upload>(std::make_shared<UploadWork>(
      executor, context, std::move(file.settings), std::move(file.file), staging)));
}

Result<std::unique_ptr<FileUpload>> FileUpload::append(const asio::any_io_executor& executor,
                                                       ClientContext& context,
                                                       const std::string& path,
                                                       const metadata::FileStatus& status) {
  WriteOptions options;
  options.replication = status.replication;
  options.block_size = status.block_size;
  options.compression = status.compression;
  MDFS_TRY(auto checked, file_settings(context.options, options));
  auto file = finished_file(context.options, checked, path, std::nullopt);
  auto work = std::make_shared<UploadWork>(executor, context, std::move(checked), std::move(file),
                                           StagingOptions());
  work->grow({path, status.id, status.length});
  return std::unique_ptr<FileUpload>(std::make_unique<Upload>(std::move(work)));
}

}  // namespace minidfs::client
