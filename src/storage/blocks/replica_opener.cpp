#include "storage/blocks/replica_opener.hpp"

#include <fcntl.h>

#include <map>

#include "storage/blocks/large_file.hpp"
#include "storage/blocks/replica_verify.hpp"

namespace minidfs::storage {

namespace {

constexpr std::size_t kLargeFilesMax = 64;
constexpr std::size_t kPackFilesMax = 64;
// The stored bytes of a replica up to this size are read with its descriptor.
constexpr std::uint64_t kReadAlongBytesMax = 64 * 1024;
// Of replicas that are opened together, as long as no more than this was read before.
constexpr std::uint64_t kReadAlongTogetherMax = 192 * 1024;

// A replica's table and where its slices are. The base of both kinds of readers.
class TableReader : public ReplicaReader {
 public:
  TableReader(ReplicaInfo info, std::vector<Slice> slices, std::uint64_t first_offset,
              DiskThreads& threads)
      : info_(info), slices_(std::move(slices)), threads_(threads) {
    offsets_.reserve(slices_.size() + 1);
    std::uint64_t offset = first_offset;
    for (const Slice& slice : slices_) {
      offsets_.push_back(offset);
      offset += slice.stored_bytes;
    }
    offsets_.push_back(offset);
  }

  const ReplicaInfo& info() const override { return info_; }
  std::span<const Slice> slices() const override { return slices_; }
  std::uint64_t stored_offset(std::size_t slice) const override { return offsets_.at(slice); }
  void submit(Job job) override {
    threads_.submit(DiskWork::kRead,
                    {std::move(job.run), std::move(job.done), std::move(job.given_up)});
  }
  void progress() override { threads_.progress(DiskWork::kRead); }

 private:
  const ReplicaInfo info_;
  const std::vector<Slice> slices_;
  DiskThreads& threads_;
  std::vector<std::uint64_t> offsets_;
};

class LargeReader final : public TableReader {
 public:
  LargeReader(LargeDescriptor descriptor, UniqueFd fd, DiskThreads& threads)
      : TableReader(descriptor.info, std::move(descriptor.slices), 0, threads),
        fd_(std::move(fd)) {}

  int fd() const override { return fd_.get(); }

 private:
  const UniqueFd fd_;
};

class PackedReader final : public TableReader {
 public:
  // `record`: its descriptor and maybe its stored bytes.
  PackedReader(const ReplicaInfo& info, std::vector<Slice> slices, std::uint64_t first_offset,
               std::shared_ptr<UniqueFd> pack, ReadMark mark, std::vector<std::byte> record,
               DiskThreads& threads)
      : TableReader(info, std::move(slices), first_offset, threads),
        mark_(std::move(mark)),
        pack_(std::move(pack)),
        record_(std::move(record)) {}

  int fd() const override { return pack_->get(); }
  std::span<const std::byte> content() const override {
    return std::span(record_).subspan(descriptor_bytes(info().length));
  }

 private:
  const ReadMark mark_;
  const std::shared_ptr<UniqueFd> pack_;
  const std::vector<std::byte> record_;
};

Error not_the_replica(const ReplicaInfo& info, const std::string& path) {
  return {Errc::kCorrupt, "block " + to_string(info.block) + " of generation " +
                              std::to_string(info.generation) + ": " + path +
                              " does not hold it where it should be"};
}

}  // namespace

ReplicaOpener::ReplicaOpener(std::vector<Disk> disks, ReplicaCatalog& catalog,
                             ReadFailed read_failed)
    : disks_(std::move(disks)),
      catalog_(catalog),
      read_failed_(std::move(read_failed)),
      large_(kLargeFilesMax),
      packs_(kPackFilesMax) {}

std::string ReplicaOpener::large_path(std::size_t disk, BlockId block,
                                      std::uint64_t generation) const {
  return disks_[disk].directory + "/blocks/" + large_name(block, generation);
}

std::string ReplicaOpener::pack_path(std::size_t disk, std::uint32_t pack) const {
  return disks_[disk].directory + "/packs/" + pack_name(pack);
}

void ReplicaOpener::open(std::span<const BlockStore::ReplicaKey> keys,
                         const BlockStore::Opened& done) {
  std::map<std::size_t, std::shared_ptr<Batch>> batches;  // By disk.
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto& [block, generation] = keys[i];
    const auto location = catalog_.acquire_reader(block, generation);
    if (!location) {
      done(i, location.error());
      continue;
    }
    ReadMark mark(catalog_, *location);
    if (location->pack == 0) {
      if (auto found = large_.find({block.value, generation})) {
        done(i, std::move(found));
        continue;
      }
    }
    auto& batch = batches[location->disk];
    if (!batch) batch = std::make_shared<Batch>();
    batch->entries.push_back({i, block, *location, std::move(mark)});
  }
  for (const auto& [disk, batch] : batches) {
    disks_[disk].threads->submit(
        DiskWork::kRead,
        {[this, disk = disk, batch = batch] { open_all(disk, *batch); },
         [batch = batch, done] {
           for (auto& entry : batch->entries) done(entry.place, std::move(*entry.reader));
         },
         // The thread may still be at it, so only what it does not change is looked at.
         [batch = batch, done](const Error& error) {
           for (const auto& entry : batch->entries) done(entry.place, error);
         }});
  }
}

void ReplicaOpener::open_all(std::size_t disk, Batch& batch) {
  for (auto& entry : batch.entries) {
    const std::uint64_t bytes = entry.location.info(entry.block).stored_bytes;
    const bool read_along = bytes <= kReadAlongBytesMax && batch.read_along < kReadAlongTogetherMax;
    if (read_along) batch.read_along += bytes;
    entry.reader = open_at(entry, read_along);
    disks_[disk].threads->progress(DiskWork::kRead);
  }
}

ReplicaOpener::Reader ReplicaOpener::open_at(Batch::Entry& entry, bool read_along) {
  const BlockId block = entry.block;
  const ReplicaLocation location = entry.location;
  auto reader = location.pack != 0 ? open_packed(entry, read_along) : open_large(block, location);
  if (reader) return reader;
  if (reader.error().code != Errc::kNotFound) {
    if (reader.error().code != Errc::kCorrupt) read_failed_(location.disk, reader.error());
    return reader;
  }
  // Either it was removed just now, or somebody else has taken the file away.
  const auto again = catalog_.acquire_reader(block, location.generation);
  if (!again) return again.error();
  catalog_.release_reader(*again);
  read_failed_(location.disk, reader.error());
  return Error{Errc::kCorrupt, reader.error().message};
}

ReplicaOpener::Reader ReplicaOpener::open_packed(Batch::Entry& entry, bool read_along) {
  const ReplicaLocation& location = entry.location;
  MDFS_TRY(auto pack, open_pack(location.disk, location.pack));
  const ReplicaInfo info = location.info(entry.block);
  const std::string path = pack_path(location.disk, location.pack);
  const std::uint64_t table_bytes = descriptor_bytes(info.length);
  std::vector<std::byte> bytes(table_bytes + (read_along ? info.stored_bytes : 0));
  MDFS_CHECK(read_at(pack->get(), bytes, location.place(), path));
  const auto header = decode_replica_header(bytes);
  const DescriptorPlace place{disks_[location.disk].id, location.pack, location.place()};
  if (!header || header->place != place || header->info != info) {
    return not_the_replica(info, path);
  }
  const auto table =
      std::span(bytes).subspan(kReplicaHeaderBytes, table_bytes - kReplicaHeaderBytes);
  MDFS_TRY(auto slices, decode_slice_table(*header, bytes, table));
  return std::shared_ptr<ReplicaReader>(std::make_shared<PackedReader>(
      info, std::move(slices), location.place() + table_bytes, std::move(pack),
      std::move(entry.mark), std::move(bytes), *disks_[location.disk].threads));
}

Result<std::shared_ptr<UniqueFd>> ReplicaOpener::open_pack(std::size_t disk, std::uint32_t pack) {
  const std::pair key(disk, pack);
  if (auto found = packs_.find(key)) return found;
  MDFS_TRY(auto fd, open_file(pack_path(disk, pack), O_RDONLY));
  auto shared = std::make_shared<UniqueFd>(std::move(fd));
  packs_.insert(key, shared);
  return shared;
}

ReplicaOpener::Reader ReplicaOpener::open_large(BlockId block, const ReplicaLocation& location) {
  const std::pair key(block.value, location.generation);
  const std::string path = large_path(location.disk, block, location.generation);
  MDFS_TRY(auto fd, open_file(path, O_RDONLY));
  MDFS_TRY(auto descriptor, read_large_descriptor(fd.get(), disks_[location.disk].id, path));
  const ReplicaInfo info = location.info(block);
  if (descriptor.info != info) return not_the_replica(info, path);
  std::shared_ptr<ReplicaReader> reader = std::make_shared<LargeReader>(
      std::move(descriptor), std::move(fd), *disks_[location.disk].threads);
  large_.insert(key, reader);
  // A removal that came in between has already told us to forget it.
  const auto again = catalog_.acquire_reader(block, location.generation);
  if (again) catalog_.release_reader(*again);
  if (!again || again->pack != 0 || again->disk != location.disk) large_.erase(key);
  return reader;
}

Status ReplicaOpener::verify(BlockId block, std::uint64_t generation, const Pace& pace) {
  MDFS_TRY(const ReplicaLocation location, catalog_.acquire_reader(block, generation));
  const Status status = verify_at(block, location, pace);
  if (status.ok() || status.error().code == Errc::kCancelled) return status;
  if (!catalog_.is_at(block, location)) {
    return Error{Errc::kNotFound, "block " + to_string(block) + ": removed while it was read"};
  }
  if (status.error().code != Errc::kCorrupt) read_failed_(location.disk, status.error());
  if (status.error().code == Errc::kNotFound) return Error{Errc::kCorrupt, status.error().message};
  return status;
}

Status ReplicaOpener::verify_at(BlockId block, const ReplicaLocation& location, const Pace& pace) {
  const ReadMark mark(catalog_, location);
  const ReplicaInfo info = location.info(block);
  const DiskId disk = disks_[location.disk].id;
  if (location.pack == 0) {
    const std::string path = large_path(location.disk, block, location.generation);
    return verify_large_replica(path, disk, info, pace);
  }
  return verify_packed_replica(pack_path(location.disk, location.pack),
                               {disk, location.pack, location.place()}, info, pace);
}

void ReplicaOpener::forget(BlockId block, std::uint64_t generation) {
  large_.erase({block.value, generation});
}

void ReplicaOpener::forget_disk(std::size_t disk) {
  large_.clear();  // Those of other disks are opened again when they are wanted.
  packs_.erase_if([disk](const auto& key) { return key.first == disk; });
}

void ReplicaOpener::forget_pack(std::size_t disk, std::uint32_t pack) {
  packs_.erase({disk, pack});
}

}  // namespace minidfs::storage
