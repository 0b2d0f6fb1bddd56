#include "storage/block_store.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <thread>

#include "base/logging.hpp"
#include "storage/disk_identity.hpp"
#include "storage/disk_keeper.hpp"
#include "storage/pack_committer.hpp"
#include "storage/replica_catalog.hpp"
#include "storage/replica_opener.hpp"
#include "storage/replica_recovery.hpp"
#include "storage/replica_writers.hpp"
#include "storage/space_ledger.hpp"
#include "storage/sync_threads.hpp"

namespace minidfs::storage {

namespace {

// Large replicas of one disk that are synced at the same time.
constexpr std::size_t kSyncThreads = 3;
// Promised to a writer that does not say how much will come.
constexpr std::uint64_t kFirstReserveBytes = std::uint64_t{1} << 20;
constexpr std::size_t kNoticesMax = 1000;

// The operator's notices. Outlives everything that writes to it.
class Notices {
 public:
  void add(std::string text) {
    log_warn("blockstore", "{}", text);
    const std::lock_guard lock(mutex_);
    if (texts_.size() == kNoticesMax) texts_.erase(texts_.begin());
    texts_.push_back(std::move(text));
  }
  std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return texts_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> texts_;
};

// One data directory at work.
struct Disk {
  LargeWriterOptions large;
  std::unique_ptr<PackCommitter> committer;
  std::unique_ptr<SyncThreads> threads;
  std::unique_ptr<DiskKeeper> keeper;
};

class DiskBlockStore final : public BlockStore {
 public:
  DiskBlockStore(const BlockStoreOptions& options, std::vector<ClaimedDirectory> directories);
  ~DiskBlockStore() override;

  Status start();

  NodeId node_id() const override { return directories_.front().identity.node; }
  ClusterId cluster_id() const override;
  Status set_cluster_id(ClusterId cluster) override;
  Result<std::unique_ptr<ReplicaWriter>> create(BlockId block, std::uint64_t generation,
                                                std::uint64_t stored_bytes_hint) override;
  Result<std::shared_ptr<ReplicaReader>> open_replica(BlockId block,
                                                      std::uint64_t generation) override {
    return opener_.open(block, generation);
  }
  Status remove(BlockId block, std::uint64_t generation) override;
  Result<std::vector<ReplicaInfo>> list(BlockId after, std::size_t limit) override {
    return catalog_.list(after, limit);
  }
  StoreUsage usage() const override;
  std::vector<std::string> notices() const override { return notices_.all(); }

 private:
  std::vector<std::string> paths() const;
  std::vector<ReplicaOpener::Disk> opener_disks() const;
  Result<RecoveredDisk> recover(std::uint16_t number);
  void start_disk(std::uint16_t number, RecoveredDisk recovered);
  void clean_up(BlockId block, const ReplicaLocation& location);

  const BlockStoreOptions options_;
  mutable std::mutex identity_mutex_;  // Guards the identities' cluster ids.
  std::vector<ClaimedDirectory> directories_;
  Notices notices_;
  SpaceLedger ledger_;
  ReplicaCatalog catalog_;
  ReplicaOpener opener_;
  std::vector<std::unique_ptr<Disk>> disks_;
};

DiskBlockStore::DiskBlockStore(const BlockStoreOptions& options,
                               std::vector<ClaimedDirectory> directories)
    : options_(options),
      directories_(std::move(directories)),
      ledger_(paths(), {options.reserved_bytes, options.capacity_bytes}),
      catalog_(directories_.size(), ledger_),
      opener_(opener_disks(), catalog_) {}

DiskBlockStore::~DiskBlockStore() {
  // Writers first, so that the indexes hear of what they finish.
  for (const auto& disk : disks_) {
    disk->committer.reset();
    disk->threads.reset();
  }
  catalog_.close();
}

std::vector<std::string> DiskBlockStore::paths() const {
  std::vector<std::string> out;
  for (const ClaimedDirectory& directory : directories_) out.push_back(directory.path);
  return out;
}

std::vector<ReplicaOpener::Disk> DiskBlockStore::opener_disks() const {
  std::vector<ReplicaOpener::Disk> out;
  for (const ClaimedDirectory& directory : directories_) {
    out.push_back({directory.path, directory.identity.disk});
  }
  return out;
}

Result<RecoveredDisk> DiskBlockStore::recover(std::uint16_t number) {
  RecoveryOptions recovery;
  recovery.directory = directories_[number].path;
  recovery.disk = directories_[number].identity.disk;
  recovery.disk_number = number;
  recovery.pack_size_bytes = options_.pack_size_bytes;
  recovery.notice = [this](std::string text) { notices_.add(std::move(text)); };
  recovery.replaced = [this](BlockId block, const ReplicaLocation& old) { clean_up(block, old); };
  return recover_disk(recovery, catalog_);
}

void DiskBlockStore::start_disk(std::uint16_t number, RecoveredDisk recovered) {
  const ClaimedDirectory& directory = directories_[number];
  const auto notice = [this](std::string text) { notices_.add(std::move(text)); };
  const auto replaced = [this](BlockId block, const ReplicaLocation& old) { clean_up(block, old); };
  auto disk = std::make_unique<Disk>();
  disk->large = {directory.path + "/blocks", directory.identity.disk, number, options_.durability,
                 replaced};
  PackCommitter::Options packs;
  packs.directory = directory.path + "/packs";
  packs.disk = directory.identity.disk;
  packs.disk_number = number;
  packs.pack_size_bytes = options_.pack_size_bytes;
  packs.durability = options_.durability;
  packs.next_pack = recovered.next_pack;
  packs.open_pack = recovered.open_pack;
  packs.open_pack_end = recovered.open_pack_end;
  packs.notice = notice;
  packs.replaced = replaced;
  disk->committer = std::make_unique<PackCommitter>(std::move(packs), catalog_, ledger_);
  disk->threads = std::make_unique<SyncThreads>(kSyncThreads);
  disk->keeper = std::make_unique<DiskKeeper>(
      DiskKeeper::Options{
          directory.path, number, notice,
          [this, number](std::uint32_t pack) { opener_.forget_pack(number, pack); }},
      std::move(recovered.index), catalog_);
  disks_.push_back(std::move(disk));
}

Status DiskBlockStore::start() {
  std::vector<Result<RecoveredDisk>> recovered;
  for (std::size_t i = 0; i < directories_.size(); ++i) {
    recovered.emplace_back(Error{Errc::kInternal, "not recovered"});
  }
  std::vector<std::thread> threads;
  for (std::uint16_t i = 1; i < recovered.size(); ++i) {
    threads.emplace_back([this, i, &recovered] { recovered[i] = recover(i); });
  }
  recovered[0] = recover(0);
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : recovered) {
    if (!result) return result.error();
  }
  for (std::uint16_t i = 0; i < recovered.size(); ++i) start_disk(i, std::move(*recovered[i]));
  return {};
}

// Removes the file of a replica that is no longer in the catalog. A record in a pack is the
// keeper's business.
void DiskBlockStore::clean_up(BlockId block, const ReplicaLocation& location) {
  if (location.pack != 0) return;
  opener_.forget(block, location.generation);
  const std::string path = opener_.large_path(location.disk, block, location.generation);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    notices_.add(errno_error(errno, path).message);
  }
}

ClusterId DiskBlockStore::cluster_id() const {
  const std::lock_guard lock(identity_mutex_);
  return directories_.front().identity.cluster;
}

Status DiskBlockStore::set_cluster_id(ClusterId cluster) {
  const std::lock_guard lock(identity_mutex_);
  for (ClaimedDirectory& directory : directories_) {
    DiskIdentity& identity = directory.identity;
    if (identity.cluster == cluster) continue;
    if (!identity.cluster.is_none()) {
      return Error{Errc::kWrongCluster, directory.path + ": belongs to cluster " +
                                            to_string(identity.cluster) + ", not to " +
                                            to_string(cluster) +
                                            "; give this datanode a data directory of its own"};
    }
    identity.cluster = cluster;
    const Status stored = store_identity(directory);
    if (!stored.ok()) {
      identity.cluster = {};
      return stored;
    }
  }
  return {};
}

Result<std::unique_ptr<ReplicaWriter>> DiskBlockStore::create(BlockId block,
                                                              std::uint64_t generation,
                                                              std::uint64_t stored_bytes_hint) {
  if (block.value == 0) return Error{Errc::kInvalidArgument, "block 0: is no block"};
  const bool packed = stored_bytes_hint != 0 && stored_bytes_hint <= options_.pack_limit_bytes;
  // The stored form is never longer than the raw one, so this holds unless slices shrink.
  const std::uint64_t bytes =
      stored_bytes_hint == 0
          ? kFirstReserveBytes
          : packed_bytes({block, generation, stored_bytes_hint, stored_bytes_hint});
  MDFS_CHECK(catalog_.begin_write(block, generation));
  const auto number = ledger_.reserve_anywhere(bytes);
  if (!number) {
    catalog_.end_write(block);
    return number.error();
  }
  Disk& disk = *disks_[*number];
  WriterStart start{block, generation, stored_bytes_hint, Reservation(ledger_, *number, bytes)};
  if (packed) return make_packed_writer(std::move(start), catalog_, *disk.committer);
  return make_large_writer(std::move(start), disk.large, catalog_, *disk.threads);
}

Status DiskBlockStore::remove(BlockId block, std::uint64_t generation) {
  MDFS_TRY(const auto removed, catalog_.remove(block, generation));
  clean_up(block, removed.location);
  if (removed.marked) catalog_.end_write(block);
  return {};
}

StoreUsage DiskBlockStore::usage() const {
  StoreUsage usage = ledger_.usage();
  usage.replicas = catalog_.replica_count();
  return usage;
}

Status check_options(const BlockStoreOptions& options) {
  if (options.pack_limit_bytes > kPackedBytesMax ||
      options.pack_size_bytes > kPackFileBytesMax / 2) {
    return Error{Errc::kInvalidArgument,
                 "block store: replicas of " + std::to_string(options.pack_limit_bytes) +
                     " bytes in packs of " + std::to_string(options.pack_size_bytes) +
                     "; the limits are " + std::to_string(kPackedBytesMax) + " and " +
                     std::to_string(kPackFileBytesMax / 2)};
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<BlockStore>> BlockStore::open(const BlockStoreOptions& options) {
  MDFS_CHECK(check_options(options));
  MDFS_TRY(auto directories, claim_directories(options.directories, options.cluster));
  auto store = std::make_unique<DiskBlockStore>(options, std::move(directories));
  MDFS_CHECK(store->start());
  return std::unique_ptr<BlockStore>(std::move(store));
}

}  // namespace minidfs::storage
