#include "client/write/file_writer.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace minidfs::client {
namespace {

// What a regular file that can be read anywhere is said to have, or 0: then it is read as a stream.
// Files of /proc, which say that they are empty, come right this way too.
std::uint64_t seekable_length(int fd) {
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  return static_cast<std::uint64_t>(status.st_size);
}

std::unique_ptr<BlockCutter> cutter_of(Source& source, std::uint64_t block_size) {
  const int fd = source.seekable_fd();
  const auto length = seekable_length(fd);
  if (length == 0) return std::make_unique<StreamCutter>(source, block_size);
  return std::make_unique<FileCutter>(fd, length, block_size);
}

}  // namespace

Result<WriteReport> write_one_file(ClientContext& context, const std::string& path, Source& source,
                                   const FileSettings& settings, ProgressMeter& progress) {
  auto report = FileWriter(context, path, settings, progress).write(source);
  if (report.ok()) return report;
  if (settings.keep_existing && report.error().code == Errc::kAlreadyExists) {
    WriteReport kept;
    kept.kept = 1;
    kept.copies_wanted = kept.copies_min = settings.replication;
    return kept;
  }
  return with_path(std::move(report).error(), path);
}

Result<WriteReport> append_to_file(ClientContext& context, const std::string& path, Source& source,
                                   ProgressMeter& progress) {
  const auto status = context.link.call(actors::StatRequest{path});
  if (!status.ok()) return with_path(status.error(), path);
  if (status->kind == metadata::FileKind::kDirectory) {
    return Error{Errc::kIsADirectory, path + ": is a directory"};
  }
  WriteOptions write;
  write.replication = status->replication;
  write.block_size = status->block_size;
  write.compression = status->compression;
  MDFS_TRY(const auto settings, file_settings(context.options, write));
  const GrowingFile file{path, status->id, status->length};
  auto report = FileWriter(context, file, settings, progress).write(source);
  if (report.ok()) return report;
  return with_path(std::move(report).error(), path);
}

FileWriter::FileWriter(ClientContext& context, const GrowingFile& file,
                       const FileSettings& settings, ProgressMeter& progress,
                       const StagingOptions& staging)
    : FileWriter(context, file.path, settings, progress, staging) {
  growing_ = file;
}

FileWriter::FileWriter(ClientContext& context, const std::string& path,
                       const FileSettings& settings, ProgressMeter& progress,
                       const StagingOptions& staging)
    : context_(context),
      path_(path),
      settings_(settings),
      progress_(progress),
      session_(context),
      stored_(settings.block_size, settings.replication, staging) {}

Result<WriteReport> FileWriter::write(Source& source) {
  cutter_ = cutter_of(source, settings_.block_size);
  // While a stream's block waits for its acks the next one may come.
  workers_max_ = std::max(context_.options.parallel_blocks, 1U) - (cutter_->in_order() ? 0 : 1);
  work();
  join_workers();
  if (error_) return std::move(*error_);
  return commit(settings_.preserve ? source.attributes() : std::nullopt, end_);
}

// --- Workers -----------------------------------------------------------------------------------

void FileWriter::work() {
  std::unique_ptr<SendingThread> thread;
  while (write_next(thread)) {
  }
}

// One block, from its source to its datanodes. False when there is none left, or the file is lost.
bool FileWriter::write_next(std::unique_ptr<SendingThread>& thread) {
  std::unique_lock turn(turn_);
  if (stop_ || next_ >= end_) return false;
  if (!thread) {
    auto made = SendingThread::make(settings_.compression);
    if (!made.ok()) return fail(std::move(made).error());
    thread = *std::move(made);
  }
  auto& loop = *thread->loop;
  const auto index = next_++;
  auto cut = cutter_->cut(index, thread->space.buffer);
  // Before anybody else asks a source that has failed for more.
  if (!cut.ok()) return fail(std::move(cut).error());
  const auto source = std::move(*cut);
  if (!source) {
    note_end(index, 0);
    return false;
  }
  const bool in_order = cutter_->in_order();
  const auto expected = cutter_->expected();
  if (index == 0) {
    session_.expect_pipelines(demand(source->length_max()), expected,
                              in_order ? 1 : std::max(context_.options.parallel_blocks, 1U));
  }
  if (!in_order) pass_on(turn);

  BlockToWrite block{source.get()};
  BlockWriter writer(loop.executor(), session_, progress_,
                     {settings_.compression, settings_.replication, &stop_}, thread->space);
  loop.run(writer, writer.send({&block, 1}, next_pipeline(index < expected)));
  if (in_order) {
    auto failure = block.unreadable ? Status(*block.unreadable) : writer.failure();
    if (!failure.ok()) return fail(std::move(failure).error());
    note_end(index, source->length_max());
    pass_on(turn);
  }
  const auto finished = loop.run(writer, writer.finish());
  auto outcome = outcome_of(block, finished, copies_min(context_.options, settings_.replication));
  if (!outcome.ok()) return fail(std::move(outcome).error());
  if (!in_order) {
    turn.lock();
    note_end(index, block.stored.block.length);
    turn.unlock();
  }
  if (block.stored.nodes.empty()) return true;
  auto added = add(index, std::move(block.stored));
  return added.ok() || fail(std::move(added).error());
}

Result<Pipeline> FileWriter::next_pipeline(bool expected) {
  if (expected) return session_.next_pipeline();
  auto more = demand(settings_.block_size);
  more.files.clear();
  return session_.request_pipeline(more);
}

PipelineDemand FileWriter::demand(std::uint64_t block_size) const {
  if (growing_) return {{}, 1, block_size, settings_.replication};
  return {{{path_, settings_.overwrite}}, 1, block_size, settings_.replication};
}

// To a new worker, when there is work for one.
void FileWriter::pass_on(std::unique_lock<std::mutex>& turn) {
  if (next_ < std::min(end_, cutter_->expected()) && workers_.size() < workers_max_) {
    workers_.emplace_back([this] { work(); });
  }
  turn.unlock();
}

// Block `index` has `length` bytes: the last one has fewer than others. The turn is held.
void FileWriter::note_end(std::uint64_t index, std::uint64_t length) {
  if (length < settings_.block_size) end_ = std::min(end_, length == 0 ? index : index + 1);
}

void FileWriter::join_workers() {
  for (;;) {
    std::jthread worker;  // Joined without the turn, which it may want.
    const std::lock_guard turn(turn_);
    if (workers_.empty()) return;
    worker = std::move(workers_.back());
    workers_.pop_back();
  }
}

// Nobody goes on. Returns false.
bool FileWriter::fail(Error error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  stop_ = true;
  return false;
}

// --- What is stored ----------------------------------------------------------------------------

Status FileWriter::add(std::uint64_t index, StoredBlock block) {
  std::unique_lock lock(mutex_);
  stored_.add(index, std::move(block));
  // One thread stages at a time; what comes meanwhile waits for its turn.
  while (!staging_) {
    auto part = stored_.take_part();
    if (!part) break;
    staging_ = true;
    lock.unlock();
    auto status = stage(std::move(*part));
    lock.lock();
    staging_ = false;
    if (!status.ok()) return status;
  }
  return {};
}

// Of a file that grows a part is there at once.
Status FileWriter::stage(FilePart part) {
  if (growing_) return session_.append(*growing_, std::move(part.blocks));
  return session_.stage(std::move(part.change), std::move(part.blocks));
}

// The last request that the file's bytes need, and for an empty file the only one.
Result<WriteReport> FileWriter::commit(const std::optional<Attributes>& attributes,
                                       std::uint64_t blocks) {
  auto file = finished_file(context_.options, settings_, path_, attributes);
  MDFS_CHECK(stored_.finish(blocks, file));
  MDFS_CHECK(growing_ ? commit_growth(std::move(file.blocks)) : commit_file(std::move(file)));
  progress_.add_files(1);
  return stored_.report();
}

Status FileWriter::commit_growth(std::vector<StoredBlock> blocks) {
  return blocks.empty() ? Status() : session_.append(*growing_, std::move(blocks));
}

Status FileWriter::commit_file(FinishedFile file) {
  std::vector<FinishedFile> files;
  files.push_back(std::move(file));
  MDFS_TRY(const auto outcomes, session_.commit(std::move(files), stored_.staged()));
  MDFS_CHECK(metadata::to_result(outcomes.front()));
  return {};
}

// --- Settings ----------------------------------------------------------------------------------

Result<FileSettings> file_settings(const Options& options, const WriteOptions& write) {
  FileSettings settings;
  settings.overwrite = write.overwrite;
  settings.keep_existing = write.keep_existing && !write.overwrite;
  settings.preserve = write.preserve;
  settings.replication = write.replication != 0 ? write.replication : options.replication;
  settings.block_size = write.block_size != 0 ? write.block_size : options.block_size;
  settings.compression_text = write.compression.empty() ? options.compression : write.compression;
  if (settings.replication == 0 || settings.block_size == 0) {
    return Error{Errc::kInvalidArgument,
                 "replication " + std::to_string(settings.replication) + " and block size " +
                     std::to_string(settings.block_size) + ": both must be above 0"};
  }
  MDFS_TRY(settings.compression, storage::parse_compression(settings.compression_text));
  return settings;
}

FinishedFile finished_file(const Options& options, const FileSettings& settings,
                           const std::string& path, const std::optional<Attributes>& attributes) {
  FinishedFile finished;
  auto& file = finished.file;
  file.path = path;
  file.overwrite = settings.overwrite;
  file.owner = options.user;
  file.group = options.group;
  file.block_size = settings.block_size;
  file.replication = settings.replication;
  file.compression = settings.compression_text;
  if (attributes) {
    file.permission = attributes->permission;
    finished.times = {attributes->modified_ms, attributes->accessed_ms};
  }
  return finished;
}

}  // namespace minidfs::client
