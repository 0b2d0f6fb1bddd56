#include "client/write/block_writer.hpp"
// The above comes first: see net/asio.hpp.
#include <algorithm>
#include <optional>
#include <utility>

#include "client/async/async_files.hpp"
#include "client/async/small_uploads.hpp"
#include "net/answer.hpp"

namespace minidfs::client {
namespace {

// While one is stored the other is committed.
constexpr int kWritersMax = 2;
constexpr std::size_t kTogetherMax = 64;

Error given_up() { return {Errc::kCancelled, "was given up"}; }

// What goes through one pipeline.
bool go_together(const FileSettings& a, const FileSettings& b) {
  return a.replication == b.replication && a.compression_text == b.compression_text;
}

// A block that is in memory as a whole.
class MemorySource final : public BlockSource {
 public:
  explicit MemorySource(const std::string& content) : content_(std::as_bytes(std::span(content))) {}

  std::uint64_t length_max() const override { return content_.size(); }
  Result<std::span<const std::byte>> read(std::uint64_t offset,
                                          std::span<std::byte> buffer) override {
    const auto begin = std::min<std::uint64_t>(offset, content_.size());
    const auto rest = content_.subspan(static_cast<std::size_t>(begin));
    return rest.first(std::min(rest.size(), buffer.size()));
  }

 private:
  std::span<const std::byte> content_;
};

}  // namespace

// Counts a writer, however it ends: a loop that ends destroys what waits on it, or has not begun.
struct SmallUploads::WriterCount {
  explicit WriterCount(std::shared_ptr<SmallUploads> its_uploads)
      : uploads(std::move(its_uploads)) {}
  ~WriterCount() {
    if (!is_over) uploads->lose_writer();
  }
  WriterCount(const WriterCount&) = delete;
  WriterCount& operator=(const WriterCount&) = delete;

  const std::shared_ptr<SmallUploads> uploads;
  bool is_over = false;
};

// Writes batches, one after another, on one loop.
class SmallUploads::Writer {
 public:
  Writer(asio::any_io_executor executor, ClientContext& context)
      : executor_(std::move(executor)), context_(context) {}
  ~Writer() { end_session(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Answers all of them. REQUIRES: they go together.
  asio::awaitable<void> write(std::vector<Waiting> batch);

 private:
  // The files of a batch. Whoever is not answered when it goes is so then.
  struct File {
    explicit File(SmallUpload its_upload) : upload(std::move(its_upload)), source(upload.content) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { answer(given_up()); }

    bool is_answered() const { return upload.answer == nullptr; }
    void answer(Status status) {
      if (const auto giver = std::exchange(upload.answer, nullptr)) giver(std::move(status));
    }

    SmallUpload upload;
    MemorySource source;
    StoredBlock stored;  // On no node: it is empty.
  };
  using Files = std::deque<File>;

  void begin(const FileSettings& settings);
  void end_session() {
    if (session_) WriteSession::end(std::move(session_), {});
  }
  asio::awaitable<void> store(Files& files, const FileSettings& settings);
  asio::awaitable<void> commit(Files& files);
  asio::awaitable<Result<Pipeline>> request_pipeline(const PipelineDemand& demand);

  asio::any_io_executor executor_;
  ClientContext& context_;
  std::unique_ptr<WriteSession> session_;
  std::optional<SendingSpace> space_;
  std::string space_compression_;
  const ProgressCallback nobody_;
  ProgressMeter progress_{nobody_};
};

asio::awaitable<void> SmallUploads::Writer::write(std::vector<Waiting> batch) {
  const auto settings = batch.front().settings;
  Files files;
  for (auto& waiting : batch) files.emplace_back(std::move(waiting.upload));
  begin(settings);
  co_await store(files, settings);
  co_await commit(files);
}

// A session that has expired took its own batch with it, no other.
void SmallUploads::Writer::begin(const FileSettings& settings) {
  if (session_ && !session_->alive().ok()) end_session();
  if (!session_) session_ = std::make_unique<WriteSession>(context_);
  if (space_ && space_compression_ == settings.compression_text) return;
  space_.emplace(settings.compression);
  space_compression_ = settings.compression_text;
}

// The namenode judges the names with the commit.
asio::awaitable<void> SmallUploads::Writer::store(Files& files, const FileSettings& settings) {
  std::vector<BlockToWrite> blocks;
  std::vector<File*> owners;
  PipelineDemand demand;
  for (auto& file : files) {
    if (file.upload.content.empty()) continue;
    demand.block_size = std::max(demand.block_size, file.source.length_max());
    blocks.push_back({&file.source});
    owners.push_back(&file);
  }
  if (blocks.empty()) co_return;
  demand.blocks = static_cast<std::uint32_t>(blocks.size());
  demand.replication = settings.replication;
  auto pipeline = co_await request_pipeline(demand);
  BlockWriter writer(executor_, *session_, progress_,
                     {settings.compression, settings.replication, nullptr}, *space_);
  co_await writer.send(blocks, std::move(pipeline));
  const Status finished = co_await writer.finish();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    Status outcome =
        outcome_of(blocks[i], finished, copies_min(context_.options, settings.replication));
    if (!outcome.ok()) owners[i]->answer(std::move(outcome));
    owners[i]->stored = std::move(blocks[i].stored);
  }
}

asio::awaitable<Result<Pipeline>> SmallUploads::Writer::request_pipeline(
    const PipelineDemand& demand) {
  net::Answer<Result<Pipeline>> answer(executor_);
  session_->request_pipeline(demand, answer.giver());
  auto pipeline = co_await answer.wait();
  co_return pipeline;
}

asio::awaitable<void> SmallUploads::Writer::commit(Files& files) {
  std::vector<FinishedFile> finished;
  std::vector<File*> committed;
  for (auto& file : files) {
    if (file.is_answered()) continue;
    if (!file.stored.nodes.empty()) file.upload.file.blocks.push_back(std::move(file.stored));
    finished.push_back(std::move(file.upload.file));
    committed.push_back(&file);
  }
  if (committed.empty()) co_return;
  net::Answer<WriteSession::Outcomes> answer(executor_);
  session_->commit(std::move(finished), 0, answer.giver());
  const auto outcomes = co_await answer.wait();
  for (std::size_t i = 0; i < committed.size(); ++i) {
    const auto outcome = outcomes.ok() ? metadata::to_result((*outcomes)[i])
                                       : Result<std::uint64_t>(outcomes.error());
    committed[i]->answer(outcome.ok() ? Status() : Status(outcome.error()));
  }
}

void SmallUploads::put(const asio::any_io_executor& executor, const FileSettings& settings,
                       SmallUpload upload) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({settings, std::move(upload)});
    if (writers_ == kWritersMax) return;
    ++writers_;
  }
  asio::co_spawn(executor,
                 write_batches(executor, std::make_shared<WriterCount>(shared_from_this())),
                 [](const std::exception_ptr&) {});
}

asio::awaitable<void> SmallUploads::write_batches(asio::any_io_executor executor,
                                                  std::shared_ptr<WriterCount> counted) {
  Writer writer(executor, context_);
  for (auto batch = take_batch(*counted); !batch.empty(); batch = take_batch(*counted)) {
    co_await writer.write(std::move(batch));
  }
}

// Empty: there is nothing to do, and this writer counts no more.
std::vector<SmallUploads::Waiting> SmallUploads::take_batch(WriterCount& counted) {
  std::vector<Waiting> batch;
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) {
    --writers_;
    counted.is_over = true;
  }
  while (!waiting_.empty() && batch.size() < kTogetherMax &&
         (batch.empty() || go_together(batch.front().settings, waiting_.front().settings))) {
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return batch;
}

// In the middle of its work: others may be left, of whom nobody takes care any more.
void SmallUploads::lose_writer() {
  std::deque<Waiting> left;
  {
    const std::lock_guard lock(mutex_);
    if (--writers_ == 0) left.swap(waiting_);
  }
  for (auto& waiting : left) waiting.upload.answer(given_up());
}

bool is_small(const ClientContext& context, const UploadSettings& settings, std::uint64_t bytes) {
  const auto block_size =
      settings.block_size > 0 ? settings.block_size : context.options.block_size;
  return bytes <= std::min<std::uint64_t>(kSmallFileBytesMax, block_size);
}

void put_small(ClientContext& context, const asio::any_io_executor& executor,
               const std::string& path, const UploadSettings& settings, std::string content,
               std::function<void(Status)> answer) {
  auto file = new_file(context.options, path, settings);
  if (!file.ok()) return answer(with_path(std::move(file).error(), path));
  auto tell = [path, answer = std::move(answer)](Status stored) {
    answer(stored.ok() ? Status() : Status(with_path(std::move(stored).error(), path)));
  };
  context.small_uploads->put(executor, file->settings,
                             {std::move(file->file), std::move(content), std::move(tell)});
}

}  // namespace minidfs::client
