#include "unit/transfer/fake_block_store.hpp"

#include <sys/mman.h>

#include <utility>

namespace minidfs::transfer {

class FakeReplicaWriter final : public storage::ReplicaWriter {
 public:
  FakeReplicaWriter(FakeBlockStore& store, BlockId block, std::uint64_t generation)
      : store_(store), replica_(std::make_shared<FakeBlockStore::Replica>()) {
    replica_->info = {block, generation, 0, 0};
    replica_->offsets.push_back(0);
    replica_->file.reset(::memfd_create("replica", MFD_CLOEXEC));
    const std::lock_guard lock(store_.mutex_);
    ++store_.open_writers_;
  }
  ~FakeReplicaWriter() override {
    const std::lock_guard lock(store_.mutex_);
    --store_.open_writers_;
  }

  Status append(std::span<const storage::Slice> slices, std::span<const std::byte> stored,
                std::shared_ptr<const void> memory) override {
    auto& info = replica_->info;
    if (store_.failing_ == info.block) return Error{Errc::kIoError, "the fake disk fails"};
    MDFS_CHECK(write_at(replica_->file.get(), stored, info.stored_bytes, "memfd"));
    for (const auto& slice : slices) {
      replica_->slices.push_back(slice);
      info.stored_bytes += slice.stored_bytes;
      info.length += slice.raw_bytes;
      replica_->offsets.push_back(info.stored_bytes);
    }
    const std::lock_guard lock(store_.mutex_);
    if (store_.hold_memory_) store_.held_memory_.push_back(std::move(memory));
    return {};
  }
  // The loop's thread is that of the disk.
  bool append_from(std::shared_ptr<storage::SliceSource> source,
                   std::function<void()> done) override {
    {
      const std::lock_guard lock(store_.mutex_);
      if (store_.hold_memory_) return false;
      ++store_.sources_;
    }
    for (auto next = source->next(); !next.slices.empty(); next = source->next()) {
      if (const auto written = append(next.slices, next.stored, nullptr); !written.ok()) {
        if (lost_) lost_(written.error());
        break;
      }
    }
    done();
    return true;
  }
  void on_lost(std::function<void(const Error&)> lost) override { lost_ = std::move(lost); }
  std::chrono::milliseconds stalled_for() const override { return store_.stalled_; }
  void expect(storage::Readers readers) override { replica_->readers = readers; }

  void finish(std::function<void(Result<storage::ReplicaInfo>)> done) override {
    store_.publish(replica_, std::move(done));
  }

 private:
  FakeBlockStore& store_;
  std::shared_ptr<FakeBlockStore::Replica> replica_;
  std::function<void(const Error&)> lost_;
};

class FakeReplicaReader final : public storage::ReplicaReader {
 public:
  FakeReplicaReader(FakeBlockStore& store, std::shared_ptr<FakeBlockStore::Replica> replica)
      : store_(store), replica_(std::move(replica)) {}
  const storage::ReplicaInfo& info() const override { return replica_->info; }
  std::span<const storage::Slice> slices() const override { return replica_->slices; }
  int fd() const override { return replica_->file.get(); }
  std::uint64_t stored_offset(std::size_t slice) const override {
    return replica_->offsets.at(slice);
  }
  void submit(Job job) override {
    {
      const std::lock_guard lock(store_.mutex_);
      if (store_.hold_jobs_) {
        store_.held_jobs_.push_back(std::move(job));
        return;
      }
    }
    job.run();
    job.done();
  }

 private:
  FakeBlockStore& store_;
  std::shared_ptr<FakeBlockStore::Replica> replica_;
};

Status FakeBlockStore::set_cluster_id(ClusterId cluster) {
  cluster_ = cluster;
  return {};
}

Result<std::unique_ptr<storage::ReplicaWriter>> FakeBlockStore::create(BlockId block,
                                                                       std::uint64_t generation,
                                                                       std::uint64_t) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = replicas_.find(block);
    if (found != replicas_.end() && found->second->info.generation >= generation) {
      return Error{Errc::kAlreadyExists, "block " + to_string(block) + " exists"};
    }
  }
  return std::unique_ptr<storage::ReplicaWriter>(new FakeReplicaWriter(*this, block, generation));
}

void FakeBlockStore::publish(std::shared_ptr<Replica> replica,
                             std::function<void(Result<storage::ReplicaInfo>)> done) {
  auto finish = [this, replica, done = std::move(done)] {
    {
      const std::lock_guard lock(mutex_);
      replicas_[replica->info.block] = replica;
    }
    done(replica->info);
  };
  {
    const std::lock_guard lock(mutex_);
    if (hold_) {
      held_.push_back(std::move(finish));
      return;
    }
  }
  finish();
}

void FakeBlockStore::hold_finishes(bool hold) {
  std::vector<std::function<void()>> released;
  {
    const std::lock_guard lock(mutex_);
    hold_ = hold;
    if (!hold) released.swap(held_);
  }
  for (auto& finish : released) finish();
}

void FakeBlockStore::hold_memory(bool hold) {
  std::vector<std::shared_ptr<const void>> released;
  const std::lock_guard lock(mutex_);
  hold_memory_ = hold;
  if (!hold) released.swap(held_memory_);
}

void FakeBlockStore::hold_jobs(bool hold) {
  const std::lock_guard lock(mutex_);
  hold_jobs_ = hold;
}

std::size_t FakeBlockStore::held_jobs() {
  const std::lock_guard lock(mutex_);
  return held_jobs_.size();
}

std::vector<storage::ReplicaReader::Job> FakeBlockStore::take_jobs() {
  const std::lock_guard lock(mutex_);
  return std::exchange(held_jobs_, {});
}

void FakeBlockStore::do_jobs() {
  for (const auto& job : take_jobs()) {
    job.run();
    job.done();
  }
}

void FakeBlockStore::give_up_jobs() {
  for (const auto& job : take_jobs()) job.given_up({Errc::kTimedOut, "the fake disk hangs"});
}

Result<std::shared_ptr<storage::ReplicaReader>> FakeBlockStore::open_replica(
    BlockId block, std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  const auto found = replicas_.find(block);
  if (found == replicas_.end()) {
    return Error{Errc::kNotFound, "block " + to_string(block) + ": no replica"};
  }
  if (found->second->info.generation != generation) {
    return Error{Errc::kStale, "block " + to_string(block) + ": another generation"};
  }
  return std::shared_ptr<storage::ReplicaReader>(
      std::make_shared<FakeReplicaReader>(*this, found->second));
}

Status FakeBlockStore::remove(BlockId block, std::uint64_t) {
  const std::lock_guard lock(mutex_);
  if (replicas_.erase(block) == 0) return Error{Errc::kNotFound, to_string(block)};
  return {};
}

Result<std::vector<storage::ReplicaInfo>> FakeBlockStore::list(BlockId after, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  std::vector<storage::ReplicaInfo> infos;
  for (auto at = replicas_.upper_bound(after); at != replicas_.end() && infos.size() < limit;
       ++at) {
    infos.push_back(at->second->info);
  }
  return infos;
}

void FakeBlockStore::flip_byte(BlockId block, std::uint64_t offset) {
  const std::lock_guard lock(mutex_);
  const int fd = replicas_.at(block)->file.get();
  std::byte byte{};
  MDFS_ASSERT(read_at(fd, std::span(&byte, 1), offset, "memfd").ok());
  byte ^= std::byte{0x40};
  MDFS_ASSERT(write_at(fd, std::span(&byte, 1), offset, "memfd").ok());
}

bool FakeBlockStore::has(BlockId block) {
  const std::lock_guard lock(mutex_);
  return replicas_.contains(block);
}

storage::Readers FakeBlockStore::readers_of(BlockId block) {
  const std::lock_guard lock(mutex_);
  return replicas_.at(block)->readers;
}

std::size_t FakeBlockStore::count() {
  const std::lock_guard lock(mutex_);
  return replicas_.size();
}

std::size_t FakeBlockStore::sources() {
  const std::lock_guard lock(mutex_);
  return sources_;
}

std::size_t FakeBlockStore::open_writers() {
  const std::lock_guard lock(mutex_);
  return open_writers_;
}

}  // namespace minidfs::transfer
