#include "storage/blocks/large_writer.hpp"

#include <algorithm>

namespace minidfs::storage {

LargeFile::LargeFile(WriterStart start, const LargeWriterOptions& options, ReplicaCatalog& catalog,
                     SpaceLedger& ledger)
    : catalog_(catalog),
      ledger_(ledger),
      options_(&options),
      reservation_(std::move(start.reservation)),
      reserved_(start.stored_bytes_hint) {
  received_.info.block = start.block;
  received_.info.generation = start.generation;
  received_.slices.reserve(std::min<std::uint64_t>(slice_count_of(start.stored_bytes_hint), 4096));
}
// Near the end of the space, asks only for what is needed.
Status LargeFile::reserve(std::uint64_t end) {
  if (end <= reserved_) return {};
  reserved_ = end + kReserveStepBytes;
  if (reservation_.grow_to(reserved_).ok()) return {};
  reserved_ = end;
  return reservation_.grow_to(end);
}

Status LargeFile::append(std::span<const Slice> slices, std::span<const std::byte> stored,
                         std::shared_ptr<const void> memory) {
  {
    const std::lock_guard lock(mutex_);
    MDFS_CHECK(failure_);
    MDFS_CHECK(received_.add(slices, stored.size()));
    failure_ = reserve(received_.info.stored_bytes);
    MDFS_CHECK(failure_);
    pieces_.push_back({stored, std::move(memory)});
    if (std::exchange(scheduled_, true)) return {};
  }
  schedule_write();
  return {};
}

bool LargeFile::append_from(std::shared_ptr<SliceSource> source, std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.ok() || !opened_) return false;
    pull_ = {std::move(source), std::move(done)};
    if (std::exchange(scheduled_, true)) return true;
  }
  schedule_write();
  return true;
}

void LargeFile::finish(Done done) {
  {
    const std::lock_guard lock(mutex_);
    done_ = std::move(done);
    finishing_ = true;
    if (failure_.ok()) failure_ = received_.check_finish();
    if (failure_.ok() && std::exchange(scheduled_, true)) return;
  }
  if (failure_.ok()) {
    schedule_write();
    return;
  }
  // The space is given back before anyone hears of it, unless the disk hangs.
  clean_up_soon();
  const auto self = shared_from_this();
  const auto tell = [self](const Error& /*hangs*/) { self->answer(self->failure_.error()); };
  place().threads->submit(DiskWork::kWrite, {[] {}, {}, tell});
}

void LargeFile::on_lost(Lost lost) {
  const std::lock_guard lock(mutex_);
  lost_ = std::move(lost);
}

void LargeFile::expect(Readers readers) {
  const std::lock_guard lock(mutex_);
  readers_ = readers;
}

void LargeFile::abandon() {
  {
    const std::lock_guard lock(mutex_);
    if (failure_.ok()) failure_ = Error{Errc::kCancelled, "abandoned"};
    pieces_.clear();
    lost_ = nullptr;
  }
  end_pull();
  clean_up_soon();
}

std::chrono::milliseconds LargeFile::stalled_for() { return place().threads->stalled_for(); }

// Not with the lock: a disk that hangs gives the job up at once.
void LargeFile::schedule_write() {
  const auto self = shared_from_this();
  place().threads->submit(
      DiskWork::kWrite,
      {[self] { self->write_job(); }, {}, [self](const Error& error) { self->give_up(error); }});
}

void LargeFile::schedule_sync() {
  const auto self = shared_from_this();
  options_->threads->submit(
      DiskWork::kSync,
      {[self] { self->sync_job(); }, {}, [self](const Error& error) { self->give_up(error); }});
}

// The disk has answered, with an error: the job that runs is the last one.
void LargeFile::failed_here(const Error& error) {
  Lost lost;
  bool first = false;
  bool finishing = false;
  {
    const std::lock_guard lock(mutex_);
    first = failure_.ok();
    if (first) {
      failure_ = error;
      lost = std::exchange(lost_, nullptr);
    }
    pieces_.clear();
    finishing = finishing_;
    clean_up_due_ = clean_up_due_ || finishing;
  }
  if (first) options_->write_failed(error);
  end_pull();
  end_job();
  if (finishing) {
    answer(error);
  } else if (lost) {
    lost(error);
  }
}

// The disk hangs: those that wait are told, the rest follows when it is back.
void LargeFile::give_up(const Error& error) {
  Lost lost;
  bool finishing = false;
  {
    const std::lock_guard lock(mutex_);
    if (claimed_ || !failure_.ok()) return;
    failure_ = error;
    pieces_.clear();
    lost = std::exchange(lost_, nullptr);
    finishing = finishing_;
  }
  end_pull();
  if (finishing) {
    clean_up_soon();
    answer(error);
  } else if (lost) {
    lost(error);
  }
}

void LargeFile::answer(Result<ReplicaInfo> result) {
  Done done;
  {
    const std::lock_guard lock(mutex_);
    done = std::exchange(done_, nullptr);
  }
  if (done) done(std::move(result));
}

void LargeFile::end_job() {
  bool due = false;
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
    due = std::exchange(clean_up_due_, false);
  }
  if (!due) return;
  clean_up();
  answer(failure_.error());
}

void LargeFile::clean_up_soon() {
  const auto self = shared_from_this();
  place().threads->submit(DiskWork::kWrite, {[self] { self->clean_up_when_idle(); }, {}, {}});
}

void LargeFile::clean_up_when_idle() {
  {
    const std::lock_guard lock(mutex_);
    clean_up_due_ = true;
    if (running_) return;  // Its end sees to it.
  }
  end_job();
}

// On a thread of the disk, when no job of the file runs.
void LargeFile::clean_up() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(cleaned_up_, true)) return;
    reservation_ = Reservation();
  }
  if (output_) {
    output_->remove();
    output_.reset();
    ledger_.refresh(options_->disk_number);
  }
  catalog_.end_write(received_.info.block);
}

const LargeWriterOptions& LargeFile::place() {
  const std::lock_guard lock(mutex_);
  return *options_;
}

namespace {

class LargeWriter final : public ReplicaWriter {
 public:
  explicit LargeWriter(std::shared_ptr<LargeFile> file) : file_(std::move(file)) {}
  ~LargeWriter() override {
    if (!finished_) file_->abandon();
  }

  Status append(std::span<const Slice> slices, std::span<const std::byte> stored,
                std::shared_ptr<const void> memory) override {
    return file_->append(slices, stored, std::move(memory));
  }
  bool append_from(std::shared_ptr<SliceSource> source, std::function<void()> done) override {
    return file_->append_from(std::move(source), std::move(done));
  }
  void on_lost(std::function<void(const Error&)> lost) override { file_->on_lost(std::move(lost)); }
  std::chrono::milliseconds stalled_for() const override { return file_->stalled_for(); }
  void expect(Readers readers) override { file_->expect(readers); }
  void finish(std::function<void(Result<ReplicaInfo>)> done) override {
    finished_ = true;
    file_->finish(std::move(done));
  }

 private:
  std::shared_ptr<LargeFile> file_;
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<ReplicaWriter> make_large_writer(WriterStart start,
                                                 const LargeWriterOptions& options,
                                                 ReplicaCatalog& catalog, SpaceLedger& ledger) {
  return std::make_unique<LargeWriter>(
      std::make_shared<LargeFile>(std::move(start), options, catalog, ledger));
}

}  // namespace minidfs::storage
