#include "storage/blocks/replica_recovery.hpp"

#include <absl/container/flat_hash_map.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>

#include "base/file.hpp"

namespace minidfs::storage {

namespace {

namespace fs = std::filesystem;

// How far packs are indexed, by number.
using PackEnds = std::map<std::uint32_t, std::uint64_t>;
// Names of the files of large replicas, and whether the index has them.
using LargeFiles = absl::flat_hash_map<std::string, bool>;

class Recovery {
 public:
  Recovery(const RecoveryOptions& options, ReplicaCatalog& catalog)
      : options_(options), catalog_(catalog) {}

  Result<RecoveredDisk> run();

 private:
  Status open_index();
  Status read_index();
  Result<std::vector<std::string>> names_in(const char* folder) const;
  // Loads what the index says into the catalog, row by row: it may be as large as the memory.
  Status load_index(PackEnds& packs, LargeFiles& files);
  Status recover_packs(const PackEnds& packs);
  Status recover_pack(std::uint32_t number, std::uint64_t indexed_end);
  Status recover_large(const LargeFiles& files);
  Status recover_large_file(const std::string& name);
  bool skips(const Error& error, const std::string& what);
  void put_away(const std::string& path, const std::string& name, const std::string& why);
  void load(const ReplicaInfo& info, std::uint32_t pack, std::uint64_t place, bool indexed);
  std::string index_path() const { return options_.directory + "/index.db"; }

  const RecoveryOptions& options_;
  ReplicaCatalog& catalog_;
  RecoveredDisk result_;
  PackEnds indexed_ends_;    // Of the packs that the index knows, whether or not they are there.
  bool rebuilding_ = false;  // The index was lost, so nothing on the disk may be taken for garbage.
  std::uint64_t adopted_ = 0;
  std::uint64_t lost_ = 0;
};

// A full disk works: what its index cannot take now is found again at the next start.
Status unless_full(Status status) {
  return !status.ok() && status.error().code == Errc::kNoSpace ? Status() : status;
}

Result<RecoveredDisk> Recovery::run() {
  MDFS_CHECK(open_index());
  PackEnds packs;
  MDFS_TRY(const auto pack_names, names_in("packs"));
  for (const std::string& name : pack_names) {
    const auto number = parse_pack_name(name);
    if (number) packs[*number] = 0;
  }
  LargeFiles files;
  MDFS_TRY(const auto large_names, names_in("blocks"));
  files.reserve(large_names.size());
  for (const std::string& name : large_names) files.emplace(name, false);
  MDFS_CHECK(load_index(packs, files));
  MDFS_CHECK(recover_packs(packs));
  MDFS_CHECK(recover_large(files));
  if (adopted_ > 0) {
    options_.notice(options_.directory + ": " + std::to_string(adopted_) +
                    " replicas that the index lacked were verified and taken in");
  }
  if (lost_ > 0) {
    options_.notice(options_.directory + ": the files of " + std::to_string(lost_) +
                    " replicas of the index are gone");
  }
  // Later packs get higher numbers than any that the durable index has ever heard of.
  MDFS_CHECK(unless_full(result_.index->checkpoint()));
  return std::move(result_);
}

// Only an index all of which is right may be loaded, so it is read twice.
Status Recovery::read_index() {
  MDFS_TRY(auto index, BlockIndex::open(index_path(), options_.disk));
  const IndexVisitor nothing{[](std::uint32_t, std::uint64_t) {},
                             [](std::uint32_t, std::uint64_t, const ReplicaInfo&) {},
                             [](const ReplicaInfo&) {}};
  MDFS_CHECK(index->load(nothing));
  result_.index = std::move(index);
  return {};
}

Status Recovery::open_index() {
  std::error_code error;
  const bool existed = fs::exists(index_path(), error);
  const Status status = read_index();
  if (status.ok()) {
    // A missing index of a directory in use is as good as a damaged one.
    rebuilding_ = !existed;
    return {};
  }
  if (status.error().code == Errc::kNoSpace) return status;
  // Whatever is wrong with this one file: a disk on which another can be made goes on.
  MDFS_TRY(const std::string aside, set_index_aside(index_path()));
  options_.notice(status.error().message + "; set aside as " + aside +
                  ", the index is rebuilt from the replicas");
  rebuilding_ = true;
  return read_index();
}

Result<std::vector<std::string>> Recovery::names_in(const char* folder) const {
  const std::string path = options_.directory + "/" + folder;
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator it(path, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) return errno_error(error.value(), path);
  std::sort(names.begin(), names.end());
  return names;
}

void Recovery::load(const ReplicaInfo& info, std::uint32_t pack, std::uint64_t place,
                    bool indexed) {
  ReplicaLocation location;
  location.generation = info.generation;
  location.length = info.length;
  location.stored_bytes = info.stored_bytes;
  location.pack = pack;
  location.place_units = static_cast<std::uint32_t>(place / kPackAlignmentBytes);
  location.disk = options_.disk_number;
  if (!indexed) ++adopted_;
  const auto older = catalog_.load(info.block, location, indexed);
  if (older) options_.replaced(info.block, *older);
}

Status Recovery::load_index(PackEnds& packs, LargeFiles& files) {
  std::vector<IndexChange> gone;
  IndexVisitor visitor;
  visitor.pack = [&](std::uint32_t number, std::uint64_t end) {
    indexed_ends_[number] = end;
    result_.next_pack = std::max(result_.next_pack, number + 1);
    const auto file = packs.find(number);
    if (file != packs.end()) {
      file->second = std::max(file->second, end);
    } else {
      gone.push_back({IndexChange::Kind::kDropPack, number, 0, {}});
    }
  };
  visitor.packed = [&](std::uint32_t number, std::uint64_t place, const ReplicaInfo& info) {
    result_.next_pack = std::max(result_.next_pack, number + 1);
    const auto file = packs.find(number);
    if (file == packs.end()) {
      ++lost_;
      gone.push_back({IndexChange::Kind::kRemovePacked, number, place, info});
      return;
    }
    // Rows may be ahead of the pack's own; they were committed only for what was published.
    file->second = std::max(file->second, place + packed_bytes(info));
    load(info, number, place, true);
  };
  visitor.large = [&](const ReplicaInfo& info) {
    const auto file = files.find(large_name(info.block, info.generation));
    if (file == files.end()) {
      ++lost_;
      gone.push_back({IndexChange::Kind::kRemoveLarge, 0, 0, info});
      return;
    }
    file->second = true;
    load(info, 0, 0, true);
  };
  MDFS_CHECK(result_.index->load(visitor));
  return gone.empty() ? Status() : unless_full(result_.index->apply(gone));
}

Status Recovery::recover_packs(const PackEnds& packs) {
  if (!packs.empty()) result_.next_pack = std::max(result_.next_pack, packs.rbegin()->first + 1);
  for (const auto& [number, end] : packs) MDFS_CHECK(recover_pack(number, end));
  return {};
}

// What cannot be read costs what stands there, not the disk: it is said, and left as it is.
bool Recovery::skips(const Error& error, const std::string& what) {
  if (error.code != Errc::kIoError) return false;
  options_.notice(error.message + "; " + what);
  return true;
}

Status Recovery::recover_pack(std::uint32_t number, std::uint64_t indexed_end) {
  const std::string path = options_.directory + "/packs/" + pack_name(number);
  MDFS_TRY(const auto fd, open_file(path, O_RDWR));
  const std::uint64_t adopted_before = adopted_;
  MDFS_TRY(const PackScan scan, scan_pack(fd.get(), options_.disk, number, indexed_end, path,
                                          [&](std::uint64_t offset, const ReplicaInfo& info) {
                                            load(info, number, offset, false);
                                          }));
  if (!scan.unreadable.ok()) {
    skips(scan.unreadable.error(), "what stands there is skipped, the pack is left alone");
  }
  // After the death of the process alone, they may be in memory only.
  if (adopted_ != adopted_before) MDFS_CHECK(sync_data(fd.get(), path));
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  const bool open = scan.end < options_.pack_size_bytes && number + 1 == result_.next_pack;
  // What is behind the last record was never acknowledged, unless the index is lost or not all of
  // it can be read: then it may be a damaged replica, and the pack is left as it is.
  const bool left_alone = rebuilding_ || !scan.unreadable.ok();
  if (static_cast<std::uint64_t>(size) > scan.end && !left_alone &&
      ::ftruncate(fd.get(), static_cast<off_t>(scan.end)) != 0) {
    return errno_error(errno, path);
  }
  const bool go_on = open && !left_alone;
  catalog_.begin_pack(options_.disk_number, number, !go_on, scan.end);
  // While something behind the last row cannot be read the next start looks again.
  const bool known = scan.end == indexed_end && indexed_ends_.contains(number);
  if (scan.unreadable.ok() && !known) {
    catalog_.end_pack(options_.disk_number, number, scan.end, !go_on);
  }
  if (go_on) {
    result_.open_pack = number;
    result_.open_pack_end = scan.end;
  }
  return {};
}

Status Recovery::recover_large(const LargeFiles& files) {
  const std::uint64_t adopted_before = adopted_;
  for (const auto& [name, indexed] : files) {
    if (!indexed) MDFS_CHECK(recover_large_file(name));
  }
  if (adopted_ != adopted_before) MDFS_CHECK(sync_directory(options_.directory + "/blocks"));
  return {};
}

Status Recovery::recover_large_file(const std::string& name) {
  const std::string path = options_.directory + "/blocks/" + name;
  const auto parsed = parse_large_name(name);
  if (!parsed) {
    options_.notice(path + ": is no replica, left alone");
    return {};
  }
  const auto recovered = [&]() -> Status {
    MDFS_TRY(const auto fd, open_file(path, O_RDWR));
    MDFS_TRY(const auto info, verify_large_file(fd.get(), options_.disk, path));
    if (info.block != parsed->block || info.generation != parsed->generation) {
      return Error{Errc::kCorrupt, path + ": holds block " + to_string(info.block)};
    }
    MDFS_CHECK(sync_data(fd.get(), path));
    load(info, 0, 0, false);
    return {};
  };
  const Status status = recovered();
  if (status.ok() || skips(status.error(), "the file is skipped and left alone")) return {};
  if (status.error().code != Errc::kCorrupt) return status;
  put_away(path, name, status.error().message);
  return {};
}

// A half-written file is removed; when the index was lost it may also be a damaged replica, whose
// other bytes somebody may want.
void Recovery::put_away(const std::string& path, const std::string& name, const std::string& why) {
  if (!rebuilding_) {
    ::unlink(path.c_str());
    return;
  }
  const std::string folder = options_.directory + "/damaged";
  std::error_code error;
  fs::create_directory(folder, error);
  fs::rename(path, folder + "/" + name, error);
  options_.notice(why + "; " + (error ? "left where it is" : "moved to " + folder));
}

}  // namespace

Result<RecoveredDisk> recover_disk(const RecoveryOptions& options, ReplicaCatalog& catalog) {
  return Recovery(options, catalog).run();
}

}  // namespace minidfs::storage
