// The jobs of a large replica's file, which run on the threads of its disk.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "storage/blocks/large_writer.hpp"

namespace minidfs::storage {

namespace {

// Writing back begins when so much has gathered, so that the sync at the end finds little to do.
constexpr std::uint64_t kWriteBackBytes = std::uint64_t{8} << 20;
// After so much another file has its turn.
constexpr std::uint64_t kJobBytes = std::uint64_t{4} << 20;

}  // namespace

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

}  // namespace minidfs::storage
