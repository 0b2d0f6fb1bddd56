#include "client/write/batch_writer.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <future>
#include <utility>

#include "client/local_attributes.hpp"

namespace minidfs::client {
namespace {

// The error that the namenode refuses a file for, whatever becomes of the others.
bool concerns_path(Errc code) {
  return code == Errc::kAlreadyExists || code == Errc::kIsADirectory ||
         code == Errc::kNotADirectory || code == Errc::kNotFound || code == Errc::kInvalidArgument;
}

// None of what is gone by now, or no regular file.
std::optional<Attributes> attributes_at(const std::string& local_path) {
  struct stat status {};
  if (::stat(local_path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return attributes_of(status);
}

}  // namespace

BatchWriter::BatchWriter(const BatchJob& job) : job_(job) {
  report_.written.copies_min = UINT8_MAX;
}

Status BatchWriter::write(std::span<const SmallFile> batch) {
  if (!thread_) {
    MDFS_TRY(thread_, SendingThread::make(job_.settings.compression));
  }
  // One that has expired took its own batch with it, no other.
  if (!session_ || !session_->alive().ok()) session_.emplace(job_.context);
  entries_.clear();
  for (const auto& small : batch) {
    entries_.push_back(
        {small.file, std::make_unique<SmallFileSource>(small.file->local_path, small.length,
                                                       job_.bytes_max, memory_)});
  }
  for (auto& entry : entries_) {
    // To read it changes its time of access.
    if (job_.settings.preserve) entry.attributes = attributes_at(entry.file->local_path);
    if (entry.source->length_max() == 0) look_into(entry);
  }
  auto stored = store_blocks();
  if (!stored.ok() && !ends_all(stored.error().code)) stored = {};
  auto committed = commit();
  return stored.ok() ? committed : stored;
}

// --- Files that are left out -------------------------------------------------------------------

void BatchWriter::leave(Entry& entry, Error error) {
  entry.left = true;
  if (error.code == Errc::kAlreadyExists && job_.settings.keep_existing) {
    ++report_.written.kept;
  } else {
    job_.failures.note(with_path(std::move(error), entry.file->path));
  }
}

void BatchWriter::leave_unreadable(Entry& entry, Error error) {
  entry.left = true;
  if (error.code == Errc::kTooLarge) {
    report_.large.push_back(entry.file);
  } else {
    job_.failures.note(with_path(std::move(error), entry.file->local_path));
  }
}

// A file that is said to be empty may have content, such as those of /proc.
void BatchWriter::look_into(Entry& entry) {
  const auto first = entry.source->read(0, std::span(thread_->space.buffer).first(1));
  if (!first.ok()) return leave_unreadable(entry, first.error());
  entry.empty = first->empty();
}

// The namenode refuses a batch for one path: finds out for which, of all of them.
Status BatchWriter::leave_refused(const std::vector<Entry*>& entries) {
  std::vector<std::future<Result<metadata::FileStatus>>> answers;
  for (const auto* entry : entries) {
    auto answer = std::make_shared<std::promise<Result<metadata::FileStatus>>>();
    answers.push_back(answer->get_future());
    job_.context.link.submit<actors::StatRequest>(
        actors::StatRequest{entry->file->path},
        [answer](auto status) { answer->set_value(std::move(status)); });
  }
  Status problem;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    auto status = answers[i].get();
    auto& entry = *entries[i];
    if (status.ok()) {
      const bool directory = status->kind == metadata::FileKind::kDirectory;
      if (directory) leave(entry, {Errc::kIsADirectory, "is a directory"});
      if (!directory && !job_.settings.overwrite) {
        leave(entry, {Errc::kAlreadyExists, "already exists"});
      }
    } else if (ends_all(status.error().code)) {
      problem = std::move(status).error();
    } else if (status.error().code != Errc::kNotFound) {
      leave(entry, std::move(status).error());
    }
  }
  return problem;
}

// --- Files that are written --------------------------------------------------------------------

std::vector<BatchWriter::Entry*> BatchWriter::to_send() {
  std::vector<Entry*> entries;
  for (auto& entry : entries_) {
    if (!entry.left && !entry.empty) entries.push_back(&entry);
  }
  return entries;
}

// For all of them, after those that the namenode refuses have been left out.
Result<Pipeline> BatchWriter::first_pipeline() {
  for (bool checked = false;; checked = true) {
    PipelineDemand demand;
    demand.block_size = 1;
    const auto entries = to_send();
    if (entries.empty()) return Pipeline{};
    for (const auto* entry : entries) {
      demand.block_size = std::max(demand.block_size, entry->source->length_max());
      if (!checked) demand.files.push_back({entry->file->path, job_.settings.overwrite});
    }
    demand.blocks = static_cast<std::uint32_t>(entries.size());
    demand.replication = job_.settings.replication;
    auto pipeline = session_->request_pipeline(demand);
    if (pipeline.ok() || checked || !concerns_path(pipeline.error().code)) return pipeline;
    MDFS_CHECK(leave_refused(entries));
  }
}

Status BatchWriter::store_blocks() {
  auto pipeline = first_pipeline();
  const auto entries = to_send();
  if (entries.empty()) return pipeline.ok() ? Status() : Status(pipeline.error());
  std::vector<BlockToWrite> blocks(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) blocks[i].source = entries[i]->source.get();
  auto& loop = *thread_->loop;
  BlockWriter writer(loop.executor(), *session_, job_.progress,
                     {job_.settings.compression, job_.settings.replication, nullptr},
                     thread_->space);
  loop.run(writer, writer.send(blocks, std::move(pipeline)));
  auto finished = loop.run(writer, writer.finish());
  const auto wanted = copies_min(job_.context.options, job_.settings.replication);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto& entry = *entries[i];
    auto outcome = outcome_of(blocks[i], finished, wanted);
    entry.stored = std::move(blocks[i].stored);
    if (outcome.ok()) continue;
    if (blocks[i].unreadable) {
      leave_unreadable(entry, std::move(outcome).error());
    } else if (ends_all(outcome.error().code)) {
      entry.left = true;
    } else {
      leave(entry, std::move(outcome).error());
    }
  }
  if (finished.ok()) return {};
  return with_path(std::move(finished).error(), entries.front()->file->path);
}

Status BatchWriter::commit() {
  std::vector<FinishedFile> files;
  std::vector<Entry*> committed;
  for (auto& entry : entries_) {
    if (entry.left) continue;
    committed.push_back(&entry);
    files.push_back(
        finished_file(job_.context.options, job_.settings, entry.file->path, entry.attributes));
    if (!entry.stored.nodes.empty()) files.back().blocks.push_back(entry.stored);
  }
  if (files.empty()) return {};
  auto outcomes = session_->commit(std::move(files));
  if (!outcomes.ok() && ends_all(outcomes.error().code)) return std::move(outcomes).error();
  for (std::size_t i = 0; i < committed.size(); ++i) {
    auto outcome = outcomes.ok() ? metadata::to_result((*outcomes)[i])
                                 : Result<std::uint64_t>(outcomes.error());
    if (outcome.ok()) {
      add_stored(*committed[i]);
    } else {
      leave(*committed[i], std::move(outcome).error());
    }
  }
  return {};
}

void BatchWriter::add_stored(const Entry& entry) {
  auto& total = report_.written;
  ++total.files;
  total.bytes += entry.stored.block.length;
  if (!entry.stored.nodes.empty()) {
    total.copies_min = static_cast<std::uint8_t>(
        std::min<std::size_t>(total.copies_min, entry.stored.nodes.size()));
  }
  job_.progress.add_files(1);
}

}  // namespace minidfs::client
