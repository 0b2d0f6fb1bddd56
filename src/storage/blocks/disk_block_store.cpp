#include "storage/blocks/disk_block_store.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <thread>

#include "base/logging.hpp"
#include "base/wall_clock.hpp"

namespace minidfs::storage {

namespace {

// Promised to a writer that does not say how much will come.
constexpr std::uint64_t kFirstReserveBytes = std::uint64_t{1} << 20;
constexpr std::size_t kNoticesMax = 1000;

}  // namespace

void Notices::add(std::string text) {
  log_warn("blockstore", "{}", text);
  const std::lock_guard lock(mutex_);
  if (texts_.size() == kNoticesMax) texts_.erase(texts_.begin());
  texts_.push_back(std::move(text));
}

std::vector<std::string> Notices::all() const {
  const std::lock_guard lock(mutex_);
  return texts_;
}

DiskBlockStore::DiskBlockStore(const BlockStoreOptions& options, ClaimedDirectories claimed)
    : options_(options),
      directories_(std::move(claimed.directories)),
      ledger_(paths(), {options.reserved_bytes, options.capacity_bytes}),
      catalog_(directories_.size(), ledger_),
      health_(directories_.size()),
      threads_(make_threads()),
      monitor_(monitor_options()),
      opener_(opener_disks(), catalog_,
              [this](std::size_t disk, const Error& error) { monitor_.read_failed(disk, error); }) {
  for (const auto& [path, reason] : claimed.left_out) left_out(path, reason);
}

DiskBlockStore::~DiskBlockStore() {
  monitor_.stop();
  // Writers first, so that the indexes hear of what they finish.
  for (const auto& disk : disks_) {
    if (disk) disk->committer.reset();
  }
  for (auto& threads : threads_) threads->finish();
  catalog_.close();
}

std::vector<std::unique_ptr<DiskThreads>> DiskBlockStore::make_threads() {
  std::vector<std::unique_ptr<DiskThreads>> out;
  for (std::size_t i = 0; i < directories_.size(); ++i) {
    out.push_back(std::make_unique<DiskThreads>(DiskThreads::Options{
        directories_[i].path, options_.disk_timeout,
        [this, i](const DiskHealth::Effects& effects) { health_changed(i, effects); }}));
  }
  return out;
}

std::vector<std::string> DiskBlockStore::paths() const {
  std::vector<std::string> out;
  for (const ClaimedDirectory& directory : directories_) out.push_back(directory.path);
  return out;
}

std::vector<ReplicaOpener::Disk> DiskBlockStore::opener_disks() const {
  std::vector<ReplicaOpener::Disk> out;
  for (std::size_t i = 0; i < directories_.size(); ++i) {
    out.push_back({directories_[i].path, directories_[i].identity.disk, threads_[i].get()});
  }
  return out;
}

DiskMonitor::Options DiskBlockStore::monitor_options() {
  DiskMonitor::Options out;
  for (const ClaimedDirectory& directory : directories_) {
    out.disks.push_back({directory.path, directory.identity.disk});
  }
  out.interval = options_.disk_check_interval;
  out.failed = [this](std::size_t disk, const Error& reason) { disk_failed(disk, reason); };
  out.restore_version = [this](std::size_t disk) { return restore_version(disk); };
  out.on_disk = [this](std::size_t disk, std::function<void()> probe) {
    threads_[disk]->submit(DiskWork::kSync, {[this, disk, probe = std::move(probe)] {
                                               ledger_.refresh(disk);
                                               probe();
                                             },
                                             {},
                                             {}});
  };
  out.tick = [this] { tick(); };
  out.tick_interval = std::clamp(options_.disk_timeout / 10, std::chrono::milliseconds(5),
                                 std::chrono::milliseconds(500));
  return out;
}

// The lock that this process holds tells whether the directory is still the one that it opened.
bool DiskBlockStore::restore_version(std::size_t number) {
  const std::lock_guard lock(identity_mutex_);
  const ClaimedDirectory& directory = directories_[number];
  struct stat held = {};
  struct stat there = {};
  if (::fstat(directory.lock.get(), &held) != 0 ||
      ::stat((directory.path + "/lock").c_str(), &there) != 0 || held.st_ino != there.st_ino ||
      held.st_dev != there.st_dev) {
    return false;
  }
  notices_.add(directory.path + "/VERSION: damaged; written anew");
  return store_identity(directory).ok();
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
  const auto replaced = [this, number](BlockId block, const ReplicaLocation& old) {
    if (old.disk == number) {
      clean_up(block, old);
    } else {
      clean_up_soon(block, old);
    }
  };
  auto disk = std::make_unique<Disk>();
  const auto write_failed = [this, number](const Error& error) {
    monitor_.write_failed(number, error);
  };
  disk->direct = std::make_unique<DirectWrites>(
      DirectWrites::Options{directory.path, options_.write_cache, options_.durability, notice});
  disk->large = {directory.path + "/blocks",
                 directory.identity.disk,
                 number,
                 options_.durability,
                 threads_[number].get(),
                 disk->direct.get(),
                 write_failed,
                 replaced,
                 [this, number](std::uint64_t bytes) { return elsewhere(number, bytes); }};
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
  packs.write_failed = write_failed;
  packs.replaced = replaced;
  packs.threads = threads_[number].get();
  disk->committer = std::make_unique<PackCommitter>(std::move(packs), catalog_, ledger_);
  disk->keeper = std::make_unique<DiskKeeper>(
      DiskKeeper::Options{directory.path, directory.identity.disk, number,
                          [this, number] { return monitor_.failed(number); }, write_failed, notice,
                          [this, number](std::uint32_t pack) { opener_.forget_pack(number, pack); },
                          [this, number] { ledger_.refresh(number); }},
      std::move(recovered.index), catalog_);
  disks_[number] = std::move(disk);
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
  disks_.resize(recovered.size());
  for (std::uint16_t i = 0; i < recovered.size(); ++i) {
    if (!recovered[i]) {
      monitor_.fail(i, recovered[i].error());
    } else {
      start_disk(i, std::move(*recovered[i]));
    }
  }
  const bool any =
      std::any_of(disks_.begin(), disks_.end(), [](const auto& disk) { return !!disk; });
  if (!any) return recovered[0].error();
  started_ = true;
  monitor_.start();
  return {};
}

void DiskBlockStore::left_out(const std::string& path, const Error& reason) {
  notices_.add("data directory " + path + " is left out until the next start: " + reason.message);
}

void DiskBlockStore::disk_failed(std::size_t number, const Error& reason) {
  ledger_.fail(number);
  threads_[number]->fail();
  health_[number].since_ms = wall_clock_ms();
  DiskFailure failure{directories_[number].path, reason, catalog_.fail_disk(number), 0};
  opener_.forget_disk(number);
  if (!started_) {
    left_out(failure.directory, reason);
    return;
  }
  for (std::size_t i = 0; i < directories_.size(); ++i) {
    if (!monitor_.failed(i)) ++failure.disks_left;
  }
  notices_.add("data directory " + failure.directory + " has failed with " +
               std::to_string(failure.lost.size()) + " replicas and is not used until the next " +
               "start; " + std::to_string(failure.disks_left) + " others work: " + reason.message);
  if (options_.disk_failed) options_.disk_failed(failure);
}

void DiskBlockStore::clean_up(BlockId block, const ReplicaLocation& location) {
  if (location.pack != 0) return;
  opener_.forget(block, location.generation);
  const auto removed = remove_file(opener_.large_path(location.disk, block, location.generation));
  if (!removed.ok()) {
    notices_.add(removed.error().message);
    monitor_.write_failed(location.disk, removed.error());
  }
  ledger_.refresh(location.disk);
}

void DiskBlockStore::clean_up_soon(BlockId block, const ReplicaLocation& location) {
  threads_[location.disk]->submit(DiskWork::kWrite,
                                  {[this, block, location] { clean_up(block, location); }, {}, {}});
}

ClusterId DiskBlockStore::cluster_id() const {
  const std::lock_guard lock(identity_mutex_);
  return directories_.front().identity.cluster;
}

Status DiskBlockStore::set_cluster_id(ClusterId cluster) {
  const std::lock_guard lock(identity_mutex_);
  for (std::size_t i = 0; i < directories_.size(); ++i) {
    ClaimedDirectory& directory = directories_[i];
    DiskIdentity& identity = directory.identity;
    if (identity.cluster == cluster) continue;
    if (!identity.cluster.is_none()) {
      return Error{Errc::kWrongCluster, directory.path + ": belongs to cluster " +
                                            to_string(identity.cluster) + ", not to " +
                                            to_string(cluster) +
                                            "; give this datanode a data directory of its own"};
    }
    identity.cluster = cluster;
    if (monitor_.failed(i)) continue;
    if (const Status stored = store_identity(directory); !stored.ok()) {
      monitor_.write_failed(i, stored.error());
      if (monitor_.failed(i)) continue;
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
    const bool hangs = std::any_of(threads_.begin(), threads_.end(), [](const auto& threads) {
      return threads->condition() == DiskCondition::kHangs;
    });
    if (!hangs) return number.error();
    return Error{Errc::kTimedOut, number.error().message + "; a disk hangs"};
  }
  return create_on(*number,
                   {block, generation, stored_bytes_hint, Reservation(ledger_, *number, bytes)},
                   packed);
}

std::unique_ptr<ReplicaWriter> DiskBlockStore::create_on(std::size_t disk, WriterStart start,
                                                         bool packed) {
  Disk& target = *disks_[disk];
  if (packed) return make_packed_writer(std::move(start), catalog_, *target.committer);
  return make_large_writer(std::move(start), target.large, catalog_, ledger_);
}

// For a large replica whose file could not be made on a disk that has failed.
LargeWriterOptions::Elsewhere DiskBlockStore::elsewhere(std::size_t failed, std::uint64_t bytes) {
  if (!monitor_.failed(failed)) return {};
  const auto number = ledger_.reserve_anywhere(bytes);
  if (!number) return {};
  return {&disks_[*number]->large, Reservation(ledger_, *number, bytes)};
}

Result<std::shared_ptr<ReplicaReader>> DiskBlockStore::open_replica(BlockId block,
                                                                    std::uint64_t generation) {
  using Reader = Result<std::shared_ptr<ReplicaReader>>;
  // Shared, as whoever answers may still be at it when the answer is here.
  const auto answer = std::make_shared<std::promise<Reader>>();
  const ReplicaKey key{block, generation};
  opener_.open({&key, 1},
               [answer](std::size_t, Reader reader) { answer->set_value(std::move(reader)); });
  return answer->get_future().get();
}

Status DiskBlockStore::remove(BlockId block, std::uint64_t generation) {
  MDFS_TRY(const auto removed, catalog_.remove(block, generation));
  const auto& [location, marked] = removed;
  if (location.pack != 0) return {};
  return threads_[location.disk]->do_and_wait(DiskWork::kWrite,
                                              [this, block, location = location, marked = marked] {
                                                clean_up(block, location);
                                                if (marked) catalog_.end_write(block);
                                              });
}

StoreUsage DiskBlockStore::usage() const {
  StoreUsage usage = ledger_.usage();
  usage.replicas = catalog_.replica_count();
  return usage;
}

namespace {

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
  MDFS_TRY(auto claimed, claim_directories(options.directories, options.cluster));
  auto store = std::make_unique<DiskBlockStore>(options, std::move(claimed));
  MDFS_CHECK(store->start());
  return std::unique_ptr<BlockStore>(std::move(store));
}

}  // namespace minidfs::storage
