// The jobs of a large replica's file, which run on the threads of its disk.
#include <algorithm>
#include <iterator>

#include "storage/blocks/large_writer.hpp"

namespace minidfs::storage {

namespace {

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
      case Step::kPull:
        if (!pull(done_bytes)) return;
        continue;
      case Step::kWrite:
        break;
    }
    if (!output_ && !open(pieces)) return;
    for (Piece& piece : pieces) {
      const Status written = write(piece.stored);
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
  if (pull_.source) return done_bytes >= kJobBytes ? Step::kLater : Step::kPull;
  if (finishing_) return Step::kSync;
  scheduled_ = running_ = false;
  return Step::kWait;
}

// Whether the file can be written. When it cannot be made, another disk may take it.
bool LargeFile::open(std::vector<Piece>& pieces) {
  Readers readers{};
  {
    const std::lock_guard lock(mutex_);
    readers = readers_;
  }
  auto output = LargeOutput::create(
      {options_->folder, large_name(received_.info.block, received_.info.generation),
       options_->durability, readers, options_->direct, options_->threads});
  if (output) {
    output_ = std::move(*output);
    const std::lock_guard lock(mutex_);
    opened_ = true;
    return true;
  }
  options_->write_failed(output.error());
  if (go_elsewhere(pieces)) return false;
  // To whom it is told it is no file that is missing.
  const bool missing = output.error().code == Errc::kNotFound;
  failed_here(missing ? Error{Errc::kIoError, output.error().message} : output.error());
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

// Whether the job goes on.
bool LargeFile::pull(std::uint64_t& done_bytes) {
  std::shared_ptr<SliceSource> source;
  {
    const std::lock_guard lock(mutex_);
    source = pull_.source;
  }
  const auto next = source ? source->next() : SliceSource::Slices{};
  if (next.slices.empty()) {
    end_pull();
    return true;
  }
  if (const Status taken = take(next); !taken.ok()) {
    give_up(taken.error());
    end_job();
    return false;
  }
  if (const Status written = write(next.stored); !written.ok()) {
    failed_here(written.error());
    return false;
  }
  done_bytes += next.stored.size();
  return true;
}

Status LargeFile::take(const SliceSource::Slices& next) {
  const std::lock_guard lock(mutex_);
  MDFS_CHECK(failure_);
  MDFS_CHECK(received_.add(next.slices, next.stored.size()));
  return reserve(received_.info.stored_bytes);
}

void LargeFile::end_pull() {
  Pull pull;
  {
    const std::lock_guard lock(mutex_);
    pull = std::exchange(pull_, {});
  }
  if (pull.done) pull.done();
}

Status LargeFile::write(std::span<const std::byte> stored) {
  std::uint64_t promised = 0;
  {
    const std::lock_guard lock(mutex_);
    promised = reserved_;
  }
  MDFS_CHECK(output_->append(stored, promised));
  options_->threads->progress(DiskWork::kWrite);
  const std::lock_guard lock(mutex_);
  const std::uint64_t before = std::exchange(occupied_, output_->occupied_bytes());
  reservation_.wrote(occupied_ - before);
  return {};
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

Status LargeFile::finish_file() {
  const ReplicaInfo& info = received_.info;
  const DescriptorPlace place{options_->disk, 0, info.stored_bytes};
  const EncodedDescriptor descriptor = encode_descriptor(place, info, received_.slices);
  const std::string footer = descriptor.table + descriptor.header;
  return output_->finish(std::as_bytes(std::span(footer)));
}

Result<ReplicaInfo> LargeFile::publish() {
  const ReplicaInfo info = received_.info;
  {
    const std::lock_guard lock(mutex_);
    MDFS_CHECK(failure_);
    MDFS_CHECK(reservation_.grow_to(file_bytes(info)));
  }
  MDFS_CHECK(finish_file());
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
  output_.reset();
  if (*replaced) options_->replaced(info.block, **replaced);
  catalog_.end_write(info.block);
  return info;
}

}  // namespace minidfs::storage
