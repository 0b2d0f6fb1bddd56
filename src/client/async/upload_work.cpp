#include "client/async/upload_work.hpp"

#include <algorithm>
#include <chrono>

#include "net/wait.hpp"

namespace minidfs::client {
namespace {

using Clock = std::chrono::steady_clock;

// How long close() waits until what was written is given up.
constexpr std::chrono::milliseconds kEndPatience{2000};

// "/a/b" of "/a/b/c".
std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

}  // namespace

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

UploadWork::~UploadWork() { end_session({}); }

void UploadWork::cancel() { fail({Errc::kCancelled, "cancelled"}); }

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

asio::awaitable<void> UploadWork::wait_for_coroutines() {
  while (running_ > 0) co_await net::wait(changed_);
}

// While a block waits for its acks the next one may come.
asio::awaitable<void> UploadWork::send_blocks() {
  for (;;) {
    while (failure_.ok() && !pieces_.holds(first_bytes_)) co_await pieces_.wait_for(first_bytes_);
    auto block = failure_.ok() ? cut_block() : nullptr;
    if (!block) co_return;
    co_await send_block(*block);
    while (failure_.ok() && finishing_) co_await net::wait(changed_);
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
  auto given = co_await answer.wait();
  co_return given;
}

template <class Request>
asio::awaitable<Result<NamenodeLink::Reply<Request>>> UploadWork::call(Request request) {
  net::Answer<Result<NamenodeLink::Reply<Request>>> answer(executor_);
  context_.link.submit<Request>(std::move(request), answer.giver());
  auto reply = co_await take(answer);
  co_return reply;
}

}  // namespace minidfs::client
