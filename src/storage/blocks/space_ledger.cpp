#include "storage/blocks/space_ledger.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <set>

#include "base/random_id.hpp"

namespace minidfs::storage {

namespace {

std::uint64_t minus(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

}  // namespace

SpaceLedger::SpaceLedger(std::vector<std::string> directories, Limits limits)
    : limits_(limits), random_state_(random_128().low | 1U) {
  for (std::string& directory : directories) {
    struct stat status = {};
    const bool known = ::stat(directory.c_str(), &status) == 0;
    Disk disk;
    disk.directory = std::move(directory);
    disk.device = known ? status.st_dev : 0;
    disks_.push_back(std::move(disk));
  }
  for (std::size_t i = 0; i < disks_.size(); ++i) refresh(i);
}

void SpaceLedger::refresh(std::size_t disk) {
  struct statvfs status = {};
  const bool known = ::statvfs(disks_[disk].directory.c_str(), &status) == 0;
  const std::lock_guard lock(mutex_);
  if (!known) {  // Its directory is gone, and others on the same device may not be.
    disks_[disk].size_bytes = disks_[disk].free_bytes = 0;
    return;
  }
  const std::uint64_t device = disks_[disk].device;
  for (Disk& each : disks_) {
    if (&each != &disks_[disk] && each.device != device) continue;
    each.size_bytes = status.f_blocks * status.f_frsize;
    each.free_bytes = status.f_bavail * status.f_frsize;
  }
}

void SpaceLedger::suspend(std::size_t disk, bool suspended) {
  const std::lock_guard lock(mutex_);
  disks_[disk].suspended = suspended;
}

SpaceLedger::Device SpaceLedger::device_of(const Disk& disk) const {
  if (disk.failed) return {};
  Device device;
  device.size_bytes = minus(disk.size_bytes, limits_.reserved_bytes);
  if (disk.suspended) return device;
  device.free_bytes = disk.free_bytes;
  std::uint64_t taken = limits_.reserved_bytes;
  for (const Disk& other : disks_) {
    if (other.failed || other.device != disk.device) continue;
    taken += other.unwritten_bytes;
    device.free_bytes += other.pack_slack_bytes;
  }
  device.free_bytes = minus(device.free_bytes, taken);
  return device;
}

std::uint64_t SpaceLedger::used_bytes() const {
  std::uint64_t used = 0;
  for (const Disk& disk : disks_) used += disk.replica_bytes + disk.promised_bytes;
  return used;
}

std::uint64_t SpaceLedger::free_bytes(const Disk& disk) const {
  const std::uint64_t free = device_of(disk).free_bytes;
  if (limits_.capacity_bytes == 0) return free;
  return std::min(free, minus(limits_.capacity_bytes, used_bytes()));
}

void SpaceLedger::promise(Disk& disk, std::uint64_t bytes) {
  disk.promised_bytes += bytes;
  disk.unwritten_bytes += bytes;
}

Error SpaceLedger::no_space(std::uint64_t bytes, std::uint64_t free) const {
  return {Errc::kNoSpace, "block store: no room for " + std::to_string(bytes) + " bytes, " +
                              std::to_string(free) + " are free"};
}

Result<std::size_t> SpaceLedger::reserve_anywhere(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint64_t> free;
  std::uint64_t total = 0;
  std::uint64_t largest = 0;
  for (const Disk& disk : disks_) {
    const std::uint64_t here = free_bytes(disk);
    largest = std::max(largest, here);
    free.push_back(here >= bytes ? here : 0);
    total += free.back();
  }
  if (total == 0) return no_space(bytes, largest);
  // Xorshift (Marsaglia 2003): good enough to spread blocks.
  random_state_ ^= random_state_ << 13;
  random_state_ ^= random_state_ >> 7;
  random_state_ ^= random_state_ << 17;
  std::uint64_t draw = random_state_ % total;
  std::size_t chosen = 0;
  while (draw >= free[chosen]) draw -= free[chosen++];
  promise(disks_[chosen], bytes);
  return chosen;
}

Status SpaceLedger::reserve(std::size_t disk, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t free = free_bytes(disks_[disk]);
  if (free < bytes) return no_space(bytes, free);
  promise(disks_[disk], bytes);
  return {};
}

void SpaceLedger::wrote(std::size_t disk, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  disks_[disk].unwritten_bytes = minus(disks_[disk].unwritten_bytes, bytes);
  for (Disk& each : disks_) {
    if (each.device == disks_[disk].device) each.free_bytes = minus(each.free_bytes, bytes);
  }
}

void SpaceLedger::release(std::size_t disk, std::uint64_t reserved, std::uint64_t written) {
  const std::lock_guard lock(mutex_);
  disks_[disk].promised_bytes = minus(disks_[disk].promised_bytes, reserved);
  disks_[disk].unwritten_bytes = minus(disks_[disk].unwritten_bytes, minus(reserved, written));
}

void SpaceLedger::add_replica(std::size_t disk, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  disks_[disk].replica_bytes += bytes;
}

void SpaceLedger::remove_replica(std::size_t disk, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  disks_[disk].replica_bytes = minus(disks_[disk].replica_bytes, bytes);
}

void SpaceLedger::fail(std::size_t disk) {
  const std::lock_guard lock(mutex_);
  disks_[disk].failed = true;
  disks_[disk].replica_bytes = 0;
  disks_[disk].pack_slack_bytes = 0;
}

void SpaceLedger::set_pack_slack(std::size_t disk, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  disks_[disk].pack_slack_bytes = bytes;
}

std::uint64_t SpaceLedger::disk_free(std::size_t disk) const {
  const std::lock_guard lock(mutex_);
  return free_bytes(disks_[disk]);
}

StoreUsage SpaceLedger::usage() const {
  const std::lock_guard lock(mutex_);
  StoreUsage usage;
  usage.used_bytes = used_bytes();
  std::set<std::uint64_t> seen;
  for (const Disk& disk : disks_) {
    if (disk.failed || disk.size_bytes == 0 || !seen.insert(disk.device).second) continue;
    const Device device = device_of(disk);
    usage.capacity_bytes += device.size_bytes;
    usage.free_bytes += device.free_bytes;
  }
  if (limits_.capacity_bytes != 0) {
    usage.capacity_bytes = std::min(usage.capacity_bytes, limits_.capacity_bytes);
    usage.free_bytes = std::min(usage.free_bytes, minus(limits_.capacity_bytes, usage.used_bytes));
  }
  return usage;
}

Status Reservation::grow_to(std::uint64_t bytes) {
  if (bytes <= bytes_) return {};
  MDFS_CHECK(ledger_->reserve(disk_, bytes - bytes_));
  bytes_ = bytes;
  return {};
}

void Reservation::wrote(std::uint64_t bytes) {
  const std::uint64_t counted = std::min(bytes, bytes_ - written_);
  written_ += counted;
  ledger_->wrote(disk_, counted);
}

}  // namespace minidfs::storage
