// A BlockStore in memory: each replica is a memfd, so that sendfile works. Faults are set by the
// tests. Thread-safe.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "storage/blocks/block_store.hpp"

namespace minidfs::transfer {

class FakeBlockStore final : public storage::BlockStore {
 public:
  struct Replica {
    storage::ReplicaInfo info;
    std::vector<storage::Slice> slices;
    std::vector<std::uint64_t> offsets;  // One more than there are slices.
    UniqueFd file;
    storage::Readers readers{};
  };

  explicit FakeBlockStore(ClusterId cluster) : cluster_(cluster) {}

  NodeId node_id() const override { return {7, 7}; }
  ClusterId cluster_id() const override { return cluster_; }
  Status set_cluster_id(ClusterId cluster) override;
  Result<std::unique_ptr<storage::ReplicaWriter>> create(BlockId block, std::uint64_t generation,
                                                         std::uint64_t stored_bytes_hint) override;
  Result<std::shared_ptr<storage::ReplicaReader>> open_replica(BlockId block,
                                                               std::uint64_t generation) override;
  Status remove(BlockId block, std::uint64_t generation) override;
  Result<std::vector<storage::ReplicaInfo>> list(BlockId after, std::size_t limit) override;
  storage::StoreUsage usage() const override { return {}; }

  // Faults and what the tests look at.
  void fail_appends_of(BlockId block) { failing_ = block; }
  void hold_finishes(bool hold);  // Releases what was held when false.
  // Appended bytes wait for the disk, until false.
  void hold_memory(bool hold);
  // Jobs of readers wait for the disk; held_jobs() tells how many do. Those that wait are done, or
  // given up as the disk hangs.
  void hold_jobs(bool hold);
  std::size_t held_jobs();
  void do_jobs();
  void give_up_jobs();
  // What all writers say of their disk.
  void say_stalled_for(std::chrono::milliseconds time) { stalled_ = time; }
  void flip_byte(BlockId block, std::uint64_t offset);
  bool has(BlockId block);
  // REQUIRES: has(block).
  storage::Readers readers_of(BlockId block);
  std::size_t count();
  std::size_t open_writers();
  // How often a writer took slices for itself.
  std::size_t sources();

 private:
  friend class FakeReplicaWriter;
  friend class FakeReplicaReader;
  std::vector<storage::ReplicaReader::Job> take_jobs();
  void publish(std::shared_ptr<Replica> replica,
               std::function<void(Result<storage::ReplicaInfo>)> done);

  ClusterId cluster_;
  std::mutex mutex_;
  std::map<BlockId, std::shared_ptr<Replica>> replicas_;
  std::vector<std::function<void()>> held_;
  bool hold_ = false;
  std::vector<std::shared_ptr<const void>> held_memory_;
  bool hold_memory_ = false;
  std::vector<storage::ReplicaReader::Job> held_jobs_;
  bool hold_jobs_ = false;
  BlockId failing_;
  std::size_t open_writers_ = 0;
  std::size_t sources_ = 0;
  std::atomic<std::chrono::milliseconds> stalled_{};
};

}  // namespace minidfs::transfer
