#include "storage/blocks/pack_committer.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace minidfs::storage {

namespace {

constexpr std::size_t kGroupJobsMax = 256;  // Four pieces each: the kernel's IOV_MAX, 1024.
constexpr std::uint64_t kGroupBytesMax = std::uint64_t{16} << 20;

// pwritev(2) until all is done. Consumes `pieces`.
Status write_pieces(int fd, std::vector<iovec>& pieces, std::uint64_t offset,
                    const std::string& what) {
  std::size_t first = 0;
  while (first < pieces.size()) {
    const auto count = static_cast<int>(pieces.size() - first);
    const ssize_t written = ::pwritev(fd, &pieces[first], count, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno_error(errno, what);
    offset += static_cast<std::uint64_t>(written);
    auto left = static_cast<std::size_t>(written);
    while (first < pieces.size() && left >= pieces[first].iov_len) left -= pieces[first++].iov_len;
    if (left > 0) {
      pieces[first].iov_base = static_cast<char*>(pieces[first].iov_base) + left;
      pieces[first].iov_len -= left;
    }
  }
  return {};
}

iovec piece(const void* data, std::size_t size) { return {const_cast<void*>(data), size}; }

}  // namespace

PackCommitter::PackCommitter(Options options, ReplicaCatalog& catalog, SpaceLedger& ledger)
    : options_(std::move(options)), catalog_(catalog), ledger_(ledger) {
  next_pack_ = options_.next_pack;
  thread_ = std::thread([this] { run(); });
}

PackCommitter::~PackCommitter() {
  queue_.close();
  thread_.join();
}

void PackCommitter::run() {
  if (options_.open_pack != 0) {
    const DiskThreads::Call call(*options_.threads, DiskWork::kWrite);
    path_ = options_.directory + "/" + pack_name(options_.open_pack);
    auto fd = open_file(path_, O_RDWR);
    if (fd) {
      fd_ = std::move(*fd);
      pack_ = options_.open_pack;
      end_ = allocated_ = options_.open_pack_end;
    } else {
      options_.notice(fd.error().message);
      options_.write_failed(fd.error());
      catalog_.end_pack(options_.disk_number, options_.open_pack, options_.open_pack_end, true);
    }
  }
  for (;;) {
    const std::vector<PackJobPtr> jobs = queue_.take(kGroupJobsMax);
    if (jobs.empty()) break;
    {
      const std::lock_guard lock(working_mutex_);
      working_ = jobs;
    }
    commit(jobs);
    const std::lock_guard lock(working_mutex_);
    working_.clear();
  }
  // The pack may be gone on with at the next start; only its unfilled space is given back.
  if (pack_ != 0 && ::ftruncate(fd_.get(), static_cast<off_t>(end_)) != 0) {
    options_.notice(errno_error(errno, path_).message);
  }
}

void PackCommitter::give_up(const Error& error) {
  std::deque<PackJobPtr> given_up = queue_.take_all();
  for (const PackJobPtr& job : given_up) end(*job);
  {
    const std::lock_guard lock(working_mutex_);
    given_up.insert(given_up.end(), working_.begin(), working_.end());
  }
  for (const PackJobPtr& job : given_up) {
    auto none = PackJob::Claim::kNone;
    if (job->claim.compare_exchange_strong(none, PackJob::Claim::kGivenUp)) job->done(error);
  }
}

void PackCommitter::commit(const std::vector<PackJobPtr>& jobs) {
  std::vector<Placed> group;
  std::uint64_t end = end_;
  std::uint64_t group_bytes = 0;
  const auto flush = [&] {
    if (!group.empty()) commit_group(group, end);
    group.clear();
    end = end_;
    group_bytes = 0;
  };
  for (const PackJobPtr& each : jobs) {
    PackJob& job = *each;
    if (!job.status.ok()) {
      finish(job, job.status.error());
      continue;
    }
    const std::uint64_t bytes = packed_bytes(job.info);
    if (group_bytes + bytes > kGroupBytesMax || pack_ == 0 ||
        (end > 0 && end + bytes > options_.pack_size_bytes)) {
      flush();
      const Status room = ensure_room(bytes);
      if (!room.ok()) {
        options_.write_failed(room.error());
        finish(job, room.error());
        continue;
      }
      end = end_;
    }
    group.push_back({&job, end, {}});
    end += bytes;
    group_bytes += bytes;
  }
  flush();
}

Status PackCommitter::ensure_room(std::uint64_t bytes) {
  if (pack_ != 0 && end_ > 0 && end_ + bytes > options_.pack_size_bytes) seal_pack();
  if (pack_ == 0) return begin_pack();
  return {};
}

Status PackCommitter::begin_pack() {
  const DiskThreads::Call call(*options_.threads, DiskWork::kWrite);
  const std::uint32_t number = next_pack_;
  path_ = options_.directory + "/" + pack_name(number);
  MDFS_TRY(auto fd, open_file(path_, O_RDWR | O_CREAT | O_EXCL));
  ++next_pack_;
  if (options_.durability == Durability::kSync) {
    const Status synced = sync_directory(options_.directory);
    if (!synced.ok()) {
      ::unlink(path_.c_str());
      return synced;
    }
  }
  fd_ = std::move(fd);
  pack_ = number;
  end_ = allocated_ = 0;
  catalog_.begin_pack(options_.disk_number, number, false, 0);
  return {};
}

void PackCommitter::allocate() {
  // Syncing what was allocated before takes half the time of syncing a growing file. It is not
  // worth the last space of a disk, and not every file system can do it.
  if (allocated_ >= options_.pack_size_bytes) return;
  const std::uint64_t bytes = options_.pack_size_bytes - allocated_;
  has_slack_ =
      ledger_.disk_free(options_.disk_number) / 4 >= bytes &&
      ::fallocate(fd_.get(), 0, static_cast<off_t>(allocated_), static_cast<off_t>(bytes)) == 0;
  allocated_ = options_.pack_size_bytes;
}

void PackCommitter::show_slack() {
  const bool slack = has_slack_ && pack_ != 0 && allocated_ > end_;
  ledger_.set_pack_slack(options_.disk_number, slack ? allocated_ - end_ : 0);
}

void PackCommitter::seal_pack() {
  const DiskThreads::Call call(*options_.threads, DiskWork::kWrite);
  if (::ftruncate(fd_.get(), static_cast<off_t>(end_)) != 0) {
    options_.notice(errno_error(errno, path_).message);
  }
  catalog_.end_pack(options_.disk_number, pack_, end_, true);
  pack_ = 0;
  fd_.reset();
  show_slack();
}

Status PackCommitter::write_group(const std::vector<Placed>& group) {
  static constexpr char kZeros[kPackAlignmentBytes] = {};
  std::vector<iovec> pieces;
  pieces.reserve(group.size() * 4);
  for (const Placed& placed : group) {
    const PackJob& job = *placed.job;
    pieces.push_back(piece(placed.descriptor.header.data(), placed.descriptor.header.size()));
    pieces.push_back(piece(placed.descriptor.table.data(), placed.descriptor.table.size()));
    pieces.push_back(piece(job.stored.data(), job.stored.size()));
    const std::uint64_t used = descriptor_bytes(job.info.length) + job.info.stored_bytes;
    const std::uint64_t padding = packed_bytes(job.info) - used;
    if (padding > 0) pieces.push_back(piece(kZeros, padding));
  }
  {
    const DiskThreads::Call call(*options_.threads, DiskWork::kWrite);
    MDFS_CHECK(write_pieces(fd_.get(), pieces, group.front().offset, path_));
  }
  if (options_.durability == Durability::kNone) return {};
  const DiskThreads::Call call(*options_.threads, DiskWork::kSync);
  return sync_data(fd_.get(), path_);
}

void PackCommitter::commit_group(std::vector<Placed>& group, std::uint64_t end) {
  allocate();
  for (Placed& placed : group) {
    const PackJob& job = *placed.job;
    const DescriptorPlace place{options_.disk, pack_, placed.offset};
    placed.descriptor = encode_descriptor(place, job.info, job.slices);
  }
  const Status written = write_group(group);
  if (!written.ok()) {
    // What the kernel has of the group is unknown, so nothing may follow it in this file.
    options_.notice(written.error().message + "; the pack is given up for writing");
    seal_pack();
    options_.write_failed(written.error());
    for (Placed& placed : group) finish(*placed.job, written.error());
    return;
  }
  end_ = end;
  std::vector<Result<ReplicaInfo>> results;
  results.reserve(group.size());
  for (const Placed& placed : group) results.push_back(publish(placed));
  catalog_.end_pack(options_.disk_number, pack_, end_, false);
  ledger_.refresh(options_.disk_number);
  show_slack();
  for (std::size_t i = 0; i < group.size(); ++i) finish(*group[i].job, std::move(results[i]));
}

Result<ReplicaInfo> PackCommitter::publish(const Placed& placed) {
  const ReplicaInfo& info = placed.job->info;
  auto none = PackJob::Claim::kNone;
  if (!placed.job->claim.compare_exchange_strong(none, PackJob::Claim::kCommitted)) {
    return Error{Errc::kTimedOut, "it was given up"};  // Its record is dead.
  }
  ReplicaLocation location;
  location.generation = info.generation;
  location.length = info.length;
  location.stored_bytes = info.stored_bytes;
  location.pack = pack_;
  location.place_units = static_cast<std::uint32_t>(placed.offset / kPackAlignmentBytes);
  location.disk = options_.disk_number;
  MDFS_TRY(const auto replaced, catalog_.publish(info.block, location));
  if (replaced) options_.replaced(info.block, *replaced);
  return info;
}

void PackCommitter::finish(PackJob& job, Result<ReplicaInfo> result) {
  end(job);
  auto none = PackJob::Claim::kNone;
  job.claim.compare_exchange_strong(none, PackJob::Claim::kCommitted);
  if (none != PackJob::Claim::kGivenUp) job.done(std::move(result));
}

void PackCommitter::end(PackJob& job) {
  job.reservation = Reservation();
  job.stored = {};
  catalog_.end_write(job.info.block);
}

}  // namespace minidfs::storage
