#include "storage/blocks/replica_writers.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.hpp"

namespace minidfs::storage {

namespace {

// Writing back begins when so much has gathered, so that the sync at the end finds little to do.
constexpr std::uint64_t kWriteBackBytes = std::uint64_t{8} << 20;
// Space is promised to a writer without a hint in steps of this size.
constexpr std::uint64_t kReserveStepBytes = std::uint64_t{8} << 20;

std::string writer_name(BlockId block, std::uint64_t generation) {
  return "block " + to_string(block) + " of generation " + std::to_string(generation);
}

// The slices received so far, and the rules that they follow.
struct Received {
  ReplicaInfo info;
  std::vector<Slice> slices;

  Status add(std::span<const Slice> added, std::size_t stored_size) {
    const auto invalid = [this](const std::string& what) {
      return Error{Errc::kInvalidArgument, writer_name(info.block, info.generation) + ": " + what};
    };
    if (slices.size() + added.size() > kSliceCountMax) return invalid("too many slices");
    bool ended = !slices.empty() && slices.back().raw_bytes != kSliceBytes;
    std::uint64_t stored_bytes = 0;
    std::uint64_t raw_bytes = 0;
    for (const Slice& slice : added) {
      if (ended) return invalid("a slice follows the last one");
      if (slice.raw_bytes == 0 || slice.raw_bytes > kSliceBytes || slice.stored_bytes == 0 ||
          slice.stored_bytes > slice.raw_bytes) {
        return invalid("a slice of " + std::to_string(slice.stored_bytes) + " stored and " +
                       std::to_string(slice.raw_bytes) + " raw bytes");
      }
      ended = slice.raw_bytes != kSliceBytes;
      stored_bytes += slice.stored_bytes;
      raw_bytes += slice.raw_bytes;
    }
    if (stored_bytes != stored_size) {
      return invalid("slices of " + std::to_string(stored_bytes) + " bytes came with " +
                     std::to_string(stored_size));
    }
    slices.insert(slices.end(), added.begin(), added.end());
    info.stored_bytes += stored_bytes;
    info.length += raw_bytes;
    return {};
  }

  Status check_finish() const {
    if (!slices.empty()) return {};
    return Error{Errc::kInvalidArgument,
                 writer_name(info.block, info.generation) + ": finished without a slice"};
  }
};

class PackedWriter final : public ReplicaWriter {
 public:
  PackedWriter(WriterStart start, ReplicaCatalog& catalog, PackCommitter& committer)
      : catalog_(catalog),
        committer_(committer),
        hint_(start.stored_bytes_hint),
        reservation_(std::move(start.reservation)) {
    received_.info.block = start.block;
    received_.info.generation = start.generation;
    stored_.reserve(start.stored_bytes_hint);
  }

  ~PackedWriter() override {
    if (!handed_over_) catalog_.end_write(received_.info.block);
  }

  Status append(std::span<const Slice> slices, std::span<const std::byte> stored) override {
    if (!failure_.ok()) return failure_;
    if (stored_.size() + stored.size() > hint_) {
      return Error{Errc::kInvalidArgument,
                   writer_name(received_.info.block, received_.info.generation) + ": " +
                       std::to_string(stored_.size() + stored.size()) + " bytes, announced were " +
                       std::to_string(hint_)};
    }
    MDFS_CHECK(received_.add(slices, stored.size()));
    stored_.insert(stored_.end(), stored.begin(), stored.end());
    failure_ = reservation_.grow_to(packed_bytes(received_.info));
    return failure_;
  }

  void finish(std::function<void(Result<ReplicaInfo>)> done) override {
    PackJob job;
    job.status = failure_.ok() ? received_.check_finish() : failure_;
    job.info = received_.info;
    job.slices = std::move(received_.slices);
    job.stored = std::move(stored_);
    job.reservation = std::move(reservation_);
    job.done = std::move(done);
    handed_over_ = true;
    committer_.submit(std::move(job));
  }

 private:
  ReplicaCatalog& catalog_;
  PackCommitter& committer_;
  const std::uint64_t hint_;
  Received received_;
  std::vector<std::byte> stored_;
  Reservation reservation_;
  Status failure_;
  bool handed_over_ = false;
};

// A large replica's file until it is published. Destroyed before that, it removes the file.
struct LargeFile {
  const LargeWriterOptions& options;
  ReplicaCatalog& catalog;
  Received received;
  Reservation reservation;
  std::shared_ptr<UniqueFd> fd;  // Shared with writing back, which must not keep the file alive.
  std::string path;
  Status failure;
  bool published = false;
  bool keep_out_of_cache = false;

  LargeFile(const LargeWriterOptions& writer_options, ReplicaCatalog& store_catalog)
      : options(writer_options), catalog(store_catalog) {}
  LargeFile(const LargeFile&) = delete;
  LargeFile& operator=(const LargeFile&) = delete;
  ~LargeFile() {
    if (!published && fd) ::unlink(path.c_str());
    if (!published) catalog.end_write(received.info.block);
  }

  Result<ReplicaInfo> finish();
  Status write_footer();
};

Status LargeFile::write_footer() {
  const ReplicaInfo& info = received.info;
  const DescriptorPlace place{options.disk, 0, info.stored_bytes};
  const EncodedDescriptor descriptor = encode_descriptor(place, info, received.slices);
  const std::string footer = descriptor.table + descriptor.header;
  MDFS_CHECK(write_at(fd->get(), std::as_bytes(std::span(footer)), info.stored_bytes, path));
  if (options.durability == Durability::kSync) {
    MDFS_CHECK(sync_data(fd->get(), path));
    // Memory that was just given back is the cheapest to take again, for the next copy.
    if (keep_out_of_cache) ::posix_fadvise(fd->get(), 0, 0, POSIX_FADV_DONTNEED);
    // On a journaling file system the first sync has mostly made the name durable as well, and this
    // one finds nothing to do.
    MDFS_CHECK(sync_directory(options.folder));
  }
  return {};
}

Result<ReplicaInfo> LargeFile::finish() {
  MDFS_CHECK(failure);
  MDFS_CHECK(received.check_finish());
  const ReplicaInfo& info = received.info;
  MDFS_CHECK(reservation.grow_to(file_bytes(info)));
  if (const Status written = write_footer(); !written.ok()) {
    options.write_failed(written.error());
    return written.error();
  }
  ReplicaLocation location;
  location.generation = info.generation;
  location.length = info.length;
  location.stored_bytes = info.stored_bytes;
  location.disk = options.disk_number;
  MDFS_TRY(const auto replaced, catalog.publish(info.block, location));
  published = true;
  reservation = Reservation();
  if (replaced) options.replaced(info.block, *replaced);
  catalog.end_write(info.block);
  return info;
}

class LargeWriter final : public ReplicaWriter {
 public:
  LargeWriter(std::shared_ptr<LargeFile> file, std::uint64_t reserved_bytes, SyncThreads& threads)
      : file_(std::move(file)), threads_(threads), reserved_(reserved_bytes) {}

  Status append(std::span<const Slice> slices, std::span<const std::byte> stored) override {
    LargeFile& file = *file_;
    MDFS_CHECK(file.failure);
    const std::uint64_t offset = file.received.info.stored_bytes;
    MDFS_CHECK(file.received.add(slices, stored.size()));
    file.failure = write(offset, stored);
    return file.failure;
  }

  void keep_out_of_cache() override { file_->keep_out_of_cache = true; }

  void finish(std::function<void(Result<ReplicaInfo>)> done) override {
    threads_.submit([file = std::move(file_), done = std::move(done)]() mutable {
      Result<ReplicaInfo> result = file->finish();
      file.reset();  // A lost replica's file and space are gone before anyone hears of it.
      done(std::move(result));
    });
  }

 private:
  Status write(std::uint64_t offset, std::span<const std::byte> stored) {
    LargeFile& file = *file_;
    const std::uint64_t end = offset + stored.size();
    if (end > reserved_) {
      reserved_ = end + kReserveStepBytes;
      // Near the end of the space, ask only for what is needed.
      if (!file.reservation.grow_to(reserved_).ok()) {
        reserved_ = end;
        MDFS_CHECK(file.reservation.grow_to(end));
      }
    }
    if (const Status status = write_at(file.fd->get(), stored, offset, file.path); !status.ok()) {
      file.options.write_failed(status.error());
      return status;
    }
    file.reservation.wrote(stored.size());
    if (file.options.durability == Durability::kSync && end - written_back_ >= kWriteBackBytes) {
      // Only a hint: errors show at the sync.
      const std::uint64_t begin = std::exchange(written_back_, end);
      threads_.submit([fd = file.fd, begin, end] {
        ::sync_file_range(fd->get(), static_cast<off_t>(begin), static_cast<off_t>(end - begin),
                          SYNC_FILE_RANGE_WRITE);
      });
    }
    return {};
  }

  std::shared_ptr<LargeFile> file_;
  SyncThreads& threads_;
  std::uint64_t reserved_;
  std::uint64_t written_back_ = 0;
};

}  // namespace

std::unique_ptr<ReplicaWriter> make_packed_writer(WriterStart start, ReplicaCatalog& catalog,
                                                  PackCommitter& committer) {
  return std::make_unique<PackedWriter>(std::move(start), catalog, committer);
}

Result<std::unique_ptr<ReplicaWriter>> make_large_writer(WriterStart start,
                                                         const LargeWriterOptions& options,
                                                         ReplicaCatalog& catalog,
                                                         SyncThreads& threads) {
  auto file = std::make_shared<LargeFile>(options, catalog);
  file->received.info.block = start.block;
  file->received.info.generation = start.generation;
  file->received.slices.reserve(
      std::min<std::uint64_t>(slice_count_of(start.stored_bytes_hint), 4096));
  file->reservation = std::move(start.reservation);
  file->path = options.folder + "/" + large_name(start.block, start.generation);
  auto fd = open_file(file->path, O_RDWR | O_CREAT | O_EXCL);
  if (!fd) {
    options.write_failed(fd.error());
    return fd.error();
  }
  file->fd = std::make_shared<UniqueFd>(std::move(*fd));
  return std::unique_ptr<ReplicaWriter>(
      std::make_unique<LargeWriter>(std::move(file), start.stored_bytes_hint, threads));
}

}  // namespace minidfs::storage
