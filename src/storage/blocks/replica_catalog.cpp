#include "storage/blocks/replica_catalog.hpp"

namespace minidfs::storage {

namespace {

// So many changes are written to the index at once, without waiting for more.
constexpr std::size_t kChangesMax = 8192;

IndexChange row_change(BlockId block, const ReplicaLocation& location, bool put) {
  using Kind = IndexChange::Kind;
  IndexChange change;
  if (location.pack == 0) {
    change.kind = put ? Kind::kPutLarge : Kind::kRemoveLarge;
  } else {
    change.kind = put ? Kind::kPutPacked : Kind::kRemovePacked;
    change.pack = location.pack;
    change.place = location.place();
  }
  change.info = location.info(block);
  return change;
}

std::string replica_name(BlockId block, std::uint64_t generation) {
  return "block " + to_string(block) + " of generation " + std::to_string(generation);
}

}  // namespace

ReplicaCatalog::ReplicaCatalog(std::size_t disk_count, SpaceLedger& ledger) : ledger_(ledger) {
  for (std::size_t i = 0; i < disk_count; ++i) disks_.push_back(std::make_unique<Disk>());
}

Status ReplicaCatalog::begin_write(BlockId block, std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  const auto found = replicas_.find(block.value);
  if (found != replicas_.end() && found->second.generation >= generation &&
      !hidden(found->second)) {
    return Error{Errc::kAlreadyExists, replica_name(block, generation) +
                                           ": a finished replica of generation " +
                                           std::to_string(found->second.generation) + " exists"};
  }
  if (!writing_.insert(block.value).second) {
    return Error{Errc::kInUse, replica_name(block, generation) + ": is being written"};
  }
  return {};
}

void ReplicaCatalog::end_write(BlockId block) {
  const std::lock_guard lock(mutex_);
  writing_.erase(block.value);
}

void ReplicaCatalog::push(std::size_t disk, const IndexChange& change) {
  Disk& target = *disks_[disk];
  if (target.failed) return;
  target.changes.push_back(change);
  if (target.changes.size() == 1 || target.changes.size() == kChangesMax) {
    target.changed.notify_all();
  }
}

void ReplicaCatalog::insert(BlockId block, const ReplicaLocation& location, bool indexed) {
  replicas_[block.value] = location;
  ledger_.add_replica(location.disk, location.disk_bytes(block));
  if (location.pack != 0) ++disks_[location.disk]->packs[location.pack].live_count;
  if (!indexed) push(location.disk, row_change(block, location, true));
}

void ReplicaCatalog::erase_counts(BlockId block, const ReplicaLocation& location) {
  ledger_.remove_replica(location.disk, location.disk_bytes(block));
  if (location.pack != 0) --disks_[location.disk]->packs[location.pack].live_count;
  push(location.disk, row_change(block, location, false));
}

Result<std::optional<ReplicaLocation>> ReplicaCatalog::publish(BlockId block,
                                                               const ReplicaLocation& location) {
  const std::lock_guard lock(mutex_);
  if (disks_[location.disk]->failed) {
    return Error{Errc::kIoError,
                 replica_name(block, location.generation) + ": its disk has failed"};
  }
  std::optional<ReplicaLocation> old;
  const auto found = replicas_.find(block.value);
  if (found != replicas_.end()) {
    if (found->second.generation >= location.generation && !hidden(found->second)) {
      return Error{Errc::kAlreadyExists, replica_name(block, location.generation) +
                                             ": a finished replica of generation " +
                                             std::to_string(found->second.generation) + " exists"};
    }
    old = found->second;
    erase_counts(block, *old);
  }
  insert(block, location, false);
  if (new_.size() == kNewMax) new_.pop_front();
  new_.push_back(block.value);
  return old;
}

Result<ReplicaCatalog::Removed> ReplicaCatalog::remove(BlockId block, std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  const auto found = replicas_.find(block.value);
  if (found == replicas_.end()) {
    return Error{Errc::kNotFound, replica_name(block, generation) + ": no replica here"};
  }
  const ReplicaLocation location = found->second;
  if (location.generation > generation) {
    return Error{Errc::kStale, replica_name(block, generation) +
                                   ": the replica here has the newer " +
                                   std::to_string(location.generation)};
  }
  replicas_.erase(found);
  erase_counts(block, location);
  const bool marked = location.pack == 0 && writing_.insert(block.value).second;
  return Removed{location, marked};
}

Result<ReplicaLocation> ReplicaCatalog::acquire_reader(BlockId block, std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  const auto found = replicas_.find(block.value);
  if (found == replicas_.end()) {
    return Error{Errc::kNotFound, replica_name(block, generation) + ": no replica here"};
  }
  const ReplicaLocation& location = found->second;
  if (location.generation != generation) {
    return Error{Errc::kStale, replica_name(block, generation) + ": the replica here has " +
                                   std::to_string(location.generation)};
  }
  if (disks_[location.disk]->access != Access::kOpen) {
    return Error{Errc::kUnavailable, replica_name(block, generation) + ": its disk hangs"};
  }
  if (location.pack != 0) {
    ++disks_[location.disk]->packs[location.pack].readers[location.place()];
  }
  return location;
}

void ReplicaCatalog::release_reader(const ReplicaLocation& location) {
  if (location.pack == 0) return;
  const std::lock_guard lock(mutex_);
  auto& packs = disks_[location.disk]->packs;
  const auto pack = packs.find(location.pack);
  MDFS_ASSERT(pack != packs.end());
  const auto reader = pack->second.readers.find(location.place());
  MDFS_ASSERT(reader != pack->second.readers.end());
  if (--reader->second == 0) pack->second.readers.erase(reader);
}

std::vector<ReplicaInfo> ReplicaCatalog::list(BlockId after, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<ReplicaInfo> out;
  for (auto it = replicas_.upper_bound(after.value); it != replicas_.end() && out.size() < limit;
       ++it) {
    if (!hidden(it->second)) out.push_back(it->second.info(BlockId{it->first}));
  }
  return out;
}

std::vector<ReplicaInfo> ReplicaCatalog::take_new(std::size_t limit) {
  const std::lock_guard lock(mutex_);
  std::vector<ReplicaInfo> out;
  for (; !new_.empty() && out.size() < limit; new_.pop_back()) {
    const auto found = replicas_.find(new_.back());
    if (found != replicas_.end()) out.push_back(found->second.info(BlockId{found->first}));
  }
  return out;
}

std::vector<ReplicaCatalog::Place> ReplicaCatalog::places(BlockId after, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<Place> out;
  for (auto it = replicas_.upper_bound(after.value); it != replicas_.end() && out.size() < limit;
       ++it) {
    out.push_back({BlockId{it->first}, it->second});
  }
  return out;
}

bool ReplicaCatalog::is_at(BlockId block, const ReplicaLocation& location) const {
  const std::lock_guard lock(mutex_);
  const auto found = replicas_.find(block.value);
  return found != replicas_.end() && found->second == location;
}

std::uint64_t ReplicaCatalog::replica_count() const {
  const std::lock_guard lock(mutex_);
  return replicas_.size();
}

void ReplicaCatalog::begin_pack(std::size_t disk, std::uint32_t pack, bool sealed,
                                std::uint64_t end) {
  const std::lock_guard lock(mutex_);
  disks_[disk]->packs[pack].sealed = sealed;
  disks_[disk]->packs[pack].end = end;
}

void ReplicaCatalog::end_pack(std::size_t disk, std::uint32_t pack, std::uint64_t end,
                              bool sealed) {
  const std::lock_guard lock(mutex_);
  disks_[disk]->packs[pack].sealed = sealed;
  disks_[disk]->packs[pack].end = end;
  IndexChange change;
  change.kind = IndexChange::Kind::kPackEnd;
  change.pack = pack;
  change.place = end;
  push(disk, change);
}

ReplicaCatalog::PackFate ReplicaCatalog::drop_pack_if_dead(std::size_t disk, std::uint32_t pack) {
  const std::lock_guard lock(mutex_);
  auto& packs = disks_[disk]->packs;
  const auto found = packs.find(pack);
  if (disks_[disk]->failed || found == packs.end() || !found->second.sealed ||
      found->second.live_count != 0) {
    return PackFate::kNeeded;
  }
  if (!found->second.readers.empty()) return PackFate::kRead;
  packs.erase(found);
  IndexChange change;
  change.kind = IndexChange::Kind::kDropPack;
  change.pack = pack;
  push(disk, change);
  return PackFate::kDropped;
}

bool ReplicaCatalog::is_read_between(std::size_t disk, std::uint32_t pack, std::uint64_t begin,
                                     std::uint64_t end) const {
  const std::lock_guard lock(mutex_);
  const auto& packs = disks_[disk]->packs;
  const auto found = packs.find(pack);
  if (found == packs.end()) return false;
  const auto reader = found->second.readers.lower_bound(begin);
  return reader != found->second.readers.end() && reader->first < end;
}

void ReplicaCatalog::set_access(std::size_t disk, Access access) {
  const std::lock_guard lock(mutex_);
  disks_[disk]->access = access;
}

std::vector<ReplicaInfo> ReplicaCatalog::replicas_of(std::size_t disk) const {
  const std::lock_guard lock(mutex_);
  std::vector<ReplicaInfo> out;
  for (const auto& [block, location] : replicas_) {
    if (location.disk == disk) out.push_back(location.info(BlockId{block}));
  }
  return out;
}

std::vector<ReplicaInfo> ReplicaCatalog::fail_disk(std::size_t disk) {
  const std::lock_guard lock(mutex_);
  Disk& lost = *disks_[disk];
  lost.failed = true;
  lost.changes.clear();
  lost.woken = true;  // The index is let go of.
  lost.changed.notify_all();
  // The packs stay for their readers, who let go of them one by one.
  for (auto& [number, pack] : lost.packs) pack.live_count = 0;
  std::vector<ReplicaInfo> gone;
  for (auto it = replicas_.begin(); it != replicas_.end();) {
    if (it->second.disk != disk) {
      ++it;
      continue;
    }
    gone.push_back(it->second.info(BlockId{it->first}));
    it = replicas_.erase(it);
  }
  return gone;
}

std::vector<IndexChange> ReplicaCatalog::take_changes(std::size_t disk, bool idle,
                                                      std::chrono::milliseconds linger) {
  std::unique_lock lock(mutex_);
  Disk& source = *disks_[disk];
  if (idle) {
    source.changed.wait(lock, [&] { return closed_ || source.woken || !source.changes.empty(); });
  }
  source.changed.wait_for(lock, linger,
                          [&] { return closed_ || source.changes.size() >= kChangesMax; });
  source.woken = false;
  return std::exchange(source.changes, {});
}

void ReplicaCatalog::wake(std::size_t disk) {
  const std::lock_guard lock(mutex_);
  disks_[disk]->woken = true;
  disks_[disk]->changed.notify_all();
}

std::vector<IndexChange> ReplicaCatalog::take_all(std::size_t disk) {
  const std::lock_guard lock(mutex_);
  Disk& source = *disks_[disk];
  source.changes.clear();
  std::vector<IndexChange> rows;
  for (const auto& [number, pack] : source.packs) {
    IndexChange change;
    change.kind = IndexChange::Kind::kPackEnd;
    change.pack = number;
    change.place = pack.end;
    rows.push_back(change);
  }
  for (const auto& [block, location] : replicas_) {
    if (location.disk == disk) rows.push_back(row_change(BlockId{block}, location, true));
  }
  return rows;
}

void ReplicaCatalog::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const auto& disk : disks_) disk->changed.notify_all();
}

bool ReplicaCatalog::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

std::optional<ReplicaLocation> ReplicaCatalog::load(BlockId block, const ReplicaLocation& location,
                                                    bool indexed) {
  const std::lock_guard lock(mutex_);
  const auto found = replicas_.find(block.value);
  if (found == replicas_.end()) {
    insert(block, location, indexed);
    return std::nullopt;
  }
  const ReplicaLocation old = found->second;
  if (old.generation >= location.generation) {
    if (indexed) push(location.disk, row_change(block, location, false));
    return location;
  }
  erase_counts(block, old);
  insert(block, location, indexed);
  return old;
}

}  // namespace minidfs::storage
