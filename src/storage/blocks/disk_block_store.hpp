// The block store on disks: joins the catalog, the space ledger and, for each disk, what writes,
// indexes and watches it. Internal to the block store.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/blocks/block_store.hpp"
#include "storage/blocks/disk_identity.hpp"
#include "storage/blocks/disk_keeper.hpp"
#include "storage/blocks/disk_monitor.hpp"
#include "storage/blocks/disk_threads.hpp"
#include "storage/blocks/pack_committer.hpp"
#include "storage/blocks/replica_catalog.hpp"
#include "storage/blocks/replica_opener.hpp"
#include "storage/blocks/replica_recovery.hpp"
#include "storage/blocks/replica_writers.hpp"
#include "storage/blocks/space_ledger.hpp"

namespace minidfs::storage {

// The operator's notices. Outlives everything that writes to it.
class Notices {
 public:
  void add(std::string text);
  std::vector<std::string> all() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> texts_;
};

class DiskBlockStore final : public BlockStore {
 public:
  DiskBlockStore(const BlockStoreOptions& options, ClaimedDirectories claimed);
  ~DiskBlockStore() override;

  Status start();

  NodeId node_id() const override { return directories_.front().identity.node; }
  ClusterId cluster_id() const override;
  Status set_cluster_id(ClusterId cluster) override;
  Result<std::unique_ptr<ReplicaWriter>> create(BlockId block, std::uint64_t generation,
                                                std::uint64_t stored_bytes_hint) override;
  Result<std::shared_ptr<ReplicaReader>> open_replica(BlockId block,
                                                      std::uint64_t generation) override;
  void open_replicas(std::span<const ReplicaKey> keys, Opened done) override {
    opener_.open(keys, done);
  }
  Status remove(BlockId block, std::uint64_t generation) override;
  Result<std::vector<ReplicaInfo>> list(BlockId after, std::size_t limit) override {
    return catalog_.list(after, limit);
  }
  std::vector<ReplicaInfo> take_new(std::size_t limit) override { return catalog_.take_new(limit); }
  Status verify(BlockId block, std::uint64_t generation, const Pace& pace) override {
    return opener_.verify(block, generation, pace);
  }
  FilesChecked check_files(BlockId after, std::size_t limit) override;
  void check_indexes() override;
  Status set_aside(BlockId block, std::uint64_t generation) override;
  void check_disks() override { monitor_.check_soon(); }
  StoreUsage usage() const override;
  std::vector<DiskReport> disks() const override;
  std::vector<std::string> notices() const override { return notices_.all(); }

 private:
  // One data directory at work.
  struct Disk {
    std::unique_ptr<DirectWrites> direct;
    LargeWriterOptions large;
    std::unique_ptr<PackCommitter> committer;
    std::unique_ptr<DiskKeeper> keeper;
  };
  // What the health of a directory has led to.
  struct Health {
    std::atomic<std::int64_t> since_ms{0};
    bool unavailable = false;  // Of the thread that is told of the changes, under health_mutex_.
  };

  std::vector<std::string> paths() const;
  std::vector<std::unique_ptr<DiskThreads>> make_threads();
  std::vector<ReplicaOpener::Disk> opener_disks() const;
  DiskMonitor::Options monitor_options();
  Result<RecoveredDisk> recover(std::uint16_t number);
  void start_disk(std::uint16_t number, RecoveredDisk recovered);
  void left_out(const std::string& path, const Error& reason);
  void disk_failed(std::size_t number, const Error& reason);
  void health_changed(std::size_t number, const DiskHealth::Effects& effects);
  void tick();
  LargeWriterOptions::Elsewhere elsewhere(std::size_t failed, std::uint64_t bytes);
  bool restore_version(std::size_t number);
  std::unique_ptr<ReplicaWriter> create_on(std::size_t disk, WriterStart start, bool packed);
  bool file_is_there(BlockId block, const ReplicaLocation& location) const;
  Status keep_copy(BlockId block, const ReplicaLocation& location);
  // Removes the file of a replica that is no longer in the catalog: now, on a thread of its disk or
  // at the start, or soon. A record in a pack is the keeper's business.
  void clean_up(BlockId block, const ReplicaLocation& location);
  void clean_up_soon(BlockId block, const ReplicaLocation& location);

  const BlockStoreOptions options_;
  // Guards the identities' cluster ids. Setting them may lead to a probe, and that to a look at
  // them.
  mutable std::recursive_mutex identity_mutex_;
  std::vector<ClaimedDirectory> directories_;
  Notices notices_;
  SpaceLedger ledger_;
  ReplicaCatalog catalog_;
  std::mutex health_mutex_;  // One change of health after the other.
  std::vector<Health> health_;
  std::vector<std::unique_ptr<DiskThreads>> threads_;  // By number.
  DiskMonitor monitor_;
  ReplicaOpener opener_;
  std::atomic<bool> started_{false};          // Disks that fail before are only left out.
  std::vector<std::unique_ptr<Disk>> disks_;  // By number; null for one that was left out.
};

}  // namespace minidfs::storage
