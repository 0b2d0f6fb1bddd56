// A replica that becomes a file of its own. What is appended waits in memory for the disk's
// threads, which carry out one job of a file at a time:
//
//   append() --> pieces --> write job (kWrite): makes the file, writes what waits
//   finish() ------------> once nothing waits: sync job (kSync): descriptor, sync, publish
//
// Whatever ends a file before it is published (an error, a disk that hangs, an abandoned writer)
// sets its failure once; its name, space and mark go when no job of it runs any more.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "storage/blocks/received_slices.hpp"
#include "storage/blocks/replica_writers.hpp"

namespace minidfs::storage {

namespace {

// Writing back begins when so much has gathered, so that the sync at the end finds little to do.
constexpr std::uint64_t kWriteBackBytes = std::uint64_t{8} << 20;
// Space is promised to a writer without a hint in steps of this size.
constexpr std::uint64_t kReserveStepBytes = std::uint64_t{8} << 20;
// After so much another file has its turn.
constexpr std::uint64_t kJobBytes = std::uint64_t{4} << 20;

struct Piece {
  std::uint64_t offset = 0;
  std::span<const std::byte> stored;
  std::shared_ptr<const void> memory;
};

class LargeFile : public std::enable_shared_from_this<LargeFile> {
 public:
  using Done = std::function<void(Result<ReplicaInfo>)>;
  using Lost = std::function<void(const Error&)>;

  LargeFile(WriterStart start, const LargeWriterOptions& options, ReplicaCatalog& catalog,
            SpaceLedger& ledger)
      : catalog_(catalog),
        ledger_(ledger),
        options_(&options),
        reservation_(std::move(start.reservation)),
        reserved_(start.stored_bytes_hint) {
    received_.info.block = start.block;
    received_.info.generation = start.generation;
    received_.slices.reserve(
        std::min<std::uint64_t>(slice_count_of(start.stored_bytes_hint), 4096));
  }

  Status append(std::span<const Slice> slices, std::span<const std::byte> stored,
                std::shared_ptr<const void> memory);
  void finish(Done done);
  void on_lost(Lost lost);
  void keep_out_of_cache();
  void abandon();
  std::chrono::milliseconds stalled_for();

 private:
  Status reserve(std::uint64_t end);
  void schedule_write();
  void schedule_sync();
  enum class Step : std::uint8_t { kWrite, kLater, kSync, kWait, kOver };
  Step next_step(std::uint64_t done_bytes, std::vector<Piece>& pieces);
  void write_job();
  void sync_job();
  bool open(std::vector<Piece>& pieces);
  bool go_elsewhere(std::vector<Piece>& pieces);
  Status write(const Piece& piece);
  void write_back(std::uint64_t end);
  Result<ReplicaInfo> publish();
  Status write_footer();
  void failed_here(const Error& error);
  void give_up(const Error& error);
  void answer(Result<ReplicaInfo> result);
  void end_job();
  void clean_up_soon();
  void clean_up_when_idle();
  void clean_up();
  const LargeWriterOptions& place();

  ReplicaCatalog& catalog_;
  SpaceLedger& ledger_;

  std::mutex mutex_;
  const LargeWriterOptions* options_;  // Of the disk that it is on.
  Received received_;
  Reservation reservation_;
  std::uint64_t reserved_;
  std::vector<Piece> pieces_;
  Status failure_;
  Lost lost_;
  Done done_;
  bool keep_out_of_cache_ = false;
  bool finishing_ = false;
  bool scheduled_ = false;  // A job is queued or runs.
  bool running_ = false;
  bool clean_up_due_ = false;
  bool cleaned_up_ = false;
  bool claimed_ = false;  // It is being published: nothing can fail it any more.

  // Of the job that runs.
  std::shared_ptr<UniqueFd> fd_;  // Shared with writing back, which must not keep the file alive.
  std::string path_;
  std::uint64_t written_back_ = 0;
};

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
    const std::uint64_t offset = received_.info.stored_bytes;
    MDFS_CHECK(received_.add(slices, stored.size()));
    failure_ = reserve(received_.info.stored_bytes);
    MDFS_CHECK(failure_);
    pieces_.push_back({offset, stored, std::move(memory)});
    if (std::exchange(scheduled_, true)) return {};
  }
  schedule_write();
  return {};
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
  const auto self = shared_from_this();
  const auto tell = [self] { self->answer(self->failure_.error()); };
  place().threads->submit(DiskWork::kWrite, {[self] { self->clean_up_when_idle(); }, tell, {}});
  place().threads->submit(DiskWork::kWrite, {[] {}, {}, [tell](const Error&) { tell(); }});
}

void LargeFile::on_lost(Lost lost) {
  const std::lock_guard lock(mutex_);
  lost_ = std::move(lost);
}

void LargeFile::keep_out_of_cache() {
  const std::lock_guard lock(mutex_);
  keep_out_of_cache_ = true;
}

void LargeFile::abandon() {
  {
    const std::lock_guard lock(mutex_);
    if (failure_.ok()) failure_ = Error{Errc::kCancelled, "abandoned"};
    pieces_.clear();
    lost_ = nullptr;
  }
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

void LargeFile::write_job() {
  {
    const std::lock_guard lock(mutex_);
    running_ = true;
  }
  std::uint64_t done_bytes = 0;
  for (;;) {
    std::vector<Piece> pieces;
    switch (next_step(done_bytes, pieces)) {
      case Step::kWait:
        return;
      case Step::kOver:
        end_job();
        return;
      case Step::kLater:
        end_job();
        schedule_write();
        return;
      case Step::kSync:
        end_job();
        schedule_sync();
        return;
      case Step::kWrite:
        break;
    }
    if (!fd_ && !open(pieces)) return;
    for (Piece& piece : pieces) {
      const Status written = write(piece);
      done_bytes += piece.stored.size();
      piece = {};
      if (!written.ok()) {
        failed_here(written.error());
        return;
      }
    }
  }
}

LargeFile::Step LargeFile::next_step(std::uint64_t done_bytes, std::vector<Piece>& pieces) {
  const std::lock_guard lock(mutex_);
  if (!failure_.ok()) return Step::kOver;
  if (!pieces_.empty()) {
    if (done_bytes >= kJobBytes) return Step::kLater;
    pieces.swap(pieces_);
    return Step::kWrite;
  }
  if (finishing_) return Step::kSync;
  scheduled_ = running_ = false;
  return Step::kWait;
}

// Whether the file can be written. When it cannot be made, another disk may take it.
bool LargeFile::open(std::vector<Piece>& pieces) {
  path_ = options_->folder + "/" + large_name(received_.info.block, received_.info.generation);
  auto fd = open_file(path_, O_RDWR | O_CREAT | O_EXCL);
  if (fd) {
    fd_ = std::make_shared<UniqueFd>(std::move(*fd));
    return true;
  }
  options_->write_failed(fd.error());
  if (go_elsewhere(pieces)) return false;
  // To whom it is told it is no file that is missing.
  const bool missing = fd.error().code == Errc::kNotFound;
  failed_here(missing ? Error{Errc::kIoError, fd.error().message} : fd.error());
  return false;
}

bool LargeFile::go_elsewhere(std::vector<Piece>& pieces) {
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.ok()) return false;
    auto elsewhere =
        options_->elsewhere(std::max(reserved_, received_.info.stored_bytes) + kReserveStepBytes);
    if (elsewhere.options == nullptr) return false;
    options_ = elsewhere.options;
    reservation_ = std::move(elsewhere.reservation);
    pieces_.insert(pieces_.begin(), std::make_move_iterator(pieces.begin()),
                   std::make_move_iterator(pieces.end()));
    running_ = false;
  }
  schedule_write();
  return true;
}

Status LargeFile::write(const Piece& piece) {
  MDFS_CHECK(write_at(fd_->get(), piece.stored, piece.offset, path_));
  options_->threads->progress(DiskWork::kWrite);
  {
    const std::lock_guard lock(mutex_);
    reservation_.wrote(piece.stored.size());
  }
  write_back(piece.offset + piece.stored.size());
  return {};
}

void LargeFile::write_back(std::uint64_t end) {
  if (options_->durability != Durability::kSync || end - written_back_ < kWriteBackBytes) return;
  // Only a hint: errors show at the sync.
  const std::uint64_t begin = std::exchange(written_back_, end);
  const auto write_back = [fd = fd_, begin, end] {
    ::sync_file_range(fd->get(), static_cast<off_t>(begin), static_cast<off_t>(end - begin),
                      SYNC_FILE_RANGE_WRITE);
  };
  options_->threads->submit(DiskWork::kSync, {write_back, {}, {}});
}

void LargeFile::sync_job() {
  {
    const std::lock_guard lock(mutex_);
    running_ = true;
  }
  auto result = publish();
  if (!result) {
    failed_here(result.error());
    return;
  }
  ledger_.refresh(options_->disk_number);
  end_job();
  answer(std::move(result));
}

Status LargeFile::write_footer() {
  const ReplicaInfo& info = received_.info;
  const DescriptorPlace place{options_->disk, 0, info.stored_bytes};
  const EncodedDescriptor descriptor = encode_descriptor(place, info, received_.slices);
  const std::string footer = descriptor.table + descriptor.header;
  MDFS_CHECK(write_at(fd_->get(), std::as_bytes(std::span(footer)), info.stored_bytes, path_));
  if (options_->durability == Durability::kSync) {
    MDFS_CHECK(sync_data(fd_->get(), path_));
    // Memory that was just given back is the cheapest to take again, for the next copy.
    if (keep_out_of_cache_) ::posix_fadvise(fd_->get(), 0, 0, POSIX_FADV_DONTNEED);
    // On a journaling file system the first sync has mostly made the name durable as well, and this
    // one finds nothing to do.
    MDFS_CHECK(sync_directory(options_->folder));
  }
  return {};
}

Result<ReplicaInfo> LargeFile::publish() {
  const ReplicaInfo info = received_.info;
  {
    const std::lock_guard lock(mutex_);
    MDFS_CHECK(failure_);
    MDFS_CHECK(reservation_.grow_to(file_bytes(info)));
  }
  MDFS_CHECK(write_footer());
  {
    const std::lock_guard lock(mutex_);
    MDFS_CHECK(failure_);
    claimed_ = true;
  }
  ReplicaLocation location;
  location.generation = info.generation;
  location.length = info.length;
  location.stored_bytes = info.stored_bytes;
  location.disk = options_->disk_number;
  const auto replaced = catalog_.publish(info.block, location);
  if (!replaced) {
    const std::lock_guard lock(mutex_);
    claimed_ = false;
    return replaced.error();
  }
  reservation_ = Reservation();
  fd_.reset();
  if (*replaced) options_->replaced(info.block, **replaced);
  catalog_.end_write(info.block);
  return info;
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
  if (due) clean_up();
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
  if (fd_) {
    ::unlink(path_.c_str());
    fd_.reset();
    ledger_.refresh(options_->disk_number);
  }
  catalog_.end_write(received_.info.block);
}

const LargeWriterOptions& LargeFile::place() {
  const std::lock_guard lock(mutex_);
  return *options_;
}

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
  void on_lost(std::function<void(const Error&)> lost) override { file_->on_lost(std::move(lost)); }
  std::chrono::milliseconds stalled_for() const override { return file_->stalled_for(); }
  void keep_out_of_cache() override { file_->keep_out_of_cache(); }
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
