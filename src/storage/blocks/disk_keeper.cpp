#include "storage/blocks/disk_keeper.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/file.hpp"

namespace minidfs::storage {

namespace {

using namespace std::chrono_literals;

// The index lags this much behind. What a crash leaves out of it is found by a scan at open.
constexpr std::chrono::milliseconds kLinger = 300ms;
constexpr std::uint64_t kPageBytes = 4096;

}  // namespace

DiskKeeper::DiskKeeper(Options options, std::unique_ptr<BlockIndex> index, ReplicaCatalog& catalog)
    : options_(std::move(options)), catalog_(catalog), index_(std::move(index)) {
  thread_ = std::thread([this] { run(); });
}

DiskKeeper::~DiskKeeper() { thread_.join(); }

void DiskKeeper::run() {
  for (;;) {
    const bool closed = catalog_.closed();
    const bool idle = unwritten_.empty() && dead_.empty() && maybe_dead_packs_.empty();
    std::vector<IndexChange> changes = catalog_.take_changes(options_.disk_number, idle, kLinger);
    note_removals(changes);
    unwritten_.insert(unwritten_.end(), changes.begin(), changes.end());
    apply();
    check_now();
    if (unwritten_.empty()) give_back();
    options_.gave_back();
    // What came in between reading `closed` and taking the changes is no longer than one round.
    if (closed && changes.empty()) return;
  }
}

void DiskKeeper::apply() {
  if (options_.failed()) {
    index_.reset();
    dead_.clear();
    maybe_dead_packs_.clear();
  }
  if (!index_) unwritten_.clear();
  if (unwritten_.empty()) return;
  const Status status = index_->apply(unwritten_);
  if (!status.ok() && status.error().code == Errc::kNoSpace) return;  // Tried again next round.
  unwritten_.clear();
  if (!status.ok()) renew_index(status.error());
}

void DiskKeeper::check_index() {
  check_wanted_ = true;
  catalog_.wake(options_.disk_number);
}

void DiskKeeper::check_now() {
  if (!check_wanted_.exchange(false) || !index_) return;
  const Status status = index_->verify();
  if (!status.ok()) renew_index(status.error());
}

// Sets the index aside and makes another one from the catalog, which knows everything. Without
// success the disk goes on without an index until the next start, which rebuilds it.
void DiskKeeper::renew_index(const Error& reason) {
  index_.reset();
  unwritten_.clear();
  options_.write_failed(reason);
  if (options_.failed()) return;
  const std::string path = options_.directory + "/index.db";
  const auto renew = [&]() -> Result<std::string> {
    MDFS_TRY(std::string aside, set_index_aside(path));
    MDFS_TRY(auto index, BlockIndex::open(path, options_.disk));
    MDFS_CHECK(index->apply(catalog_.take_all(options_.disk_number)));
    MDFS_CHECK(index->checkpoint());
    index_ = std::move(index);
    return aside;
  };
  const auto aside = renew();
  options_.notice(reason.message +
                  (aside ? "; set aside as " + *aside + ", the index was made anew"
                         : "; the index will be rebuilt at the next start, because another one "
                           "cannot be made now: " +
                               aside.error().message));
}

void DiskKeeper::note_removals(const std::vector<IndexChange>& changes) {
  for (const IndexChange& change : changes) {
    if (change.kind == IndexChange::Kind::kRemovePacked) dead_.emplace(change.pack, change.place);
    if (change.kind == IndexChange::Kind::kRemovePacked ||
        change.kind == IndexChange::Kind::kPackEnd) {
      maybe_dead_packs_.insert(change.pack);
    }
  }
}

void DiskKeeper::give_back() {
  if (!index_) dead_.clear();  // Without an index nobody knows what is alive around them.
  for (auto it = maybe_dead_packs_.begin(); it != maybe_dead_packs_.end();) {
    const auto fate = catalog_.drop_pack_if_dead(options_.disk_number, *it);
    if (fate == ReplicaCatalog::PackFate::kDropped) {
      const std::string path = options_.directory + "/packs/" + pack_name(*it);
      options_.forget_pack(*it);
      if (::unlink(path.c_str()) != 0) options_.notice(errno_error(errno, path).message);
      dead_.erase(dead_.lower_bound({*it, 0}), dead_.lower_bound({*it + 1, 0}));
    }
    it = fate == ReplicaCatalog::PackFate::kRead ? std::next(it) : maybe_dead_packs_.erase(it);
  }
  if (dead_.empty() || !make_removals_durable()) return;
  for (auto it = dead_.begin(); it != dead_.end();) {
    const auto [pack, place] = *it;
    const auto gap = index_->gap_around(pack, place);
    if (gap && catalog_.is_read_between(options_.disk_number, pack, gap->begin, gap->end)) {
      ++it;  // Its readers keep it; tried again next round.
      continue;
    }
    if (gap) punch(pack, *gap);
    // All dead records of the gap are done with it.
    it =
        dead_.erase(it, dead_.lower_bound({pack, gap ? std::max(gap->end, place + 1) : place + 1}));
  }
}

// A record must not be punched out before the removal of its row is on stable storage: after a
// power cut the row would be back, and with it a replica of zeros. Once for all records of a round.
bool DiskKeeper::make_removals_durable() {
  const Status status = index_->checkpoint();
  if (status.ok()) return true;
  if (status.error().code != Errc::kNoSpace) renew_index(status.error());
  return false;  // Tried again next round.
}

// Gives back the whole pages of a gap between live records.
void DiskKeeper::punch(std::uint32_t pack, const PackGap& gap) {
  const std::uint64_t begin = (gap.begin + kPageBytes - 1) / kPageBytes * kPageBytes;
  const std::uint64_t end = gap.end / kPageBytes * kPageBytes;
  if (begin >= end) return;
  const auto fd = open_file(options_.directory + "/packs/" + pack_name(pack), O_RDWR);
  // Without success the space comes back with the pack's last replica.
  if (fd) {
    ::fallocate(fd->get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(begin),
                static_cast<off_t>(end - begin));
  }
}

}  // namespace minidfs::storage
