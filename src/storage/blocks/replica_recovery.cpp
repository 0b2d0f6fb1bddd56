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

// What an index says. Only used when the whole of it was right.
struct IndexedDisk {
  std::map<std::uint32_t, std::uint64_t> pack_ends;
  std::vector<IndexChange> rows;
};

class Recovery {
 public:
  Recovery(const RecoveryOptions& options, ReplicaCatalog& catalog)
      : options_(options), catalog_(catalog) {}

  Result<RecoveredDisk> run();

 private:
  Status open_index();
  Status read_index();
  Result<std::vector<std::string>> names_in(const char* folder) const;
  Status recover_packs();
  Status recover_pack(std::uint32_t number, std::uint64_t indexed_end);
  Status recover_large();
  Status recover_large_file(const std::string& name);
  void put_away(const std::string& path, const std::string& name, const std::string& why);
  void load(const ReplicaInfo& info, std::uint32_t pack, std::uint64_t place, bool indexed);
  std::string index_path() const { return options_.directory + "/index.db"; }

  const RecoveryOptions& options_;
  ReplicaCatalog& catalog_;
  RecoveredDisk result_;
  IndexedDisk indexed_;
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
  MDFS_CHECK(recover_packs());
  MDFS_CHECK(recover_large());
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

Status Recovery::read_index() {
  auto index = BlockIndex::open(index_path(), options_.disk);
  if (!index) return index.error();
  indexed_ = {};
  IndexVisitor visitor;
  visitor.pack = [this](std::uint32_t pack, std::uint64_t end) { indexed_.pack_ends[pack] = end; };
  visitor.packed = [this](std::uint32_t pack, std::uint64_t place, const ReplicaInfo& info) {
    indexed_.rows.push_back({IndexChange::Kind::kPutPacked, pack, place, info});
  };
  visitor.large = [this](const ReplicaInfo& info) {
    indexed_.rows.push_back({IndexChange::Kind::kPutLarge, 0, 0, info});
  };
  MDFS_CHECK((*index)->load(visitor));
  result_.index = std::move(*index);
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

Status Recovery::recover_packs() {
  MDFS_TRY(const auto names, names_in("packs"));
  std::map<std::uint32_t, std::uint64_t> files;  // Number and how far the index knows it.
  for (const std::string& name : names) {
    const auto number = parse_pack_name(name);
    if (number) files[*number] = 0;
  }
  for (const auto& [number, end] : indexed_.pack_ends) {
    result_.next_pack = std::max(result_.next_pack, number + 1);
    const auto file = files.find(number);
    if (file != files.end()) file->second = end;
  }
  std::vector<IndexChange> gone;
  for (const IndexChange& row : indexed_.rows) {
    if (row.kind != IndexChange::Kind::kPutPacked) continue;
    result_.next_pack = std::max(result_.next_pack, row.pack + 1);
    const auto file = files.find(row.pack);
    if (file == files.end()) {
      gone.push_back(row);
      gone.back().kind = IndexChange::Kind::kRemovePacked;
      continue;
    }
    // Rows may be ahead of the pack's own; they were committed only for what was published.
    file->second = std::max(file->second, row.place + packed_bytes(row.info));
    load(row.info, row.pack, row.place, true);
  }
  lost_ += gone.size();
  for (const auto& [number, end] : indexed_.pack_ends) {
    if (files.contains(number)) continue;
    gone.push_back({IndexChange::Kind::kDropPack, number, 0, {}});
  }
  if (!gone.empty()) MDFS_CHECK(unless_full(result_.index->apply(gone)));
  if (!files.empty()) result_.next_pack = std::max(result_.next_pack, files.rbegin()->first + 1);
  for (const auto& [number, end] : files) MDFS_CHECK(recover_pack(number, end));
  return {};
}

Status Recovery::recover_pack(std::uint32_t number, std::uint64_t indexed_end) {
  const std::string path = options_.directory + "/packs/" + pack_name(number);
  MDFS_TRY(const auto fd, open_file(path, O_RDWR));
  const std::uint64_t adopted_before = adopted_;
  MDFS_TRY(const std::uint64_t end, scan_pack(fd.get(), options_.disk, number, indexed_end, path,
                                              [&](std::uint64_t offset, const ReplicaInfo& info) {
                                                load(info, number, offset, false);
                                              }));
  // After the death of the process alone, they may be in memory only.
  if (adopted_ != adopted_before) MDFS_CHECK(sync_data(fd.get(), path));
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  const bool open = end < options_.pack_size_bytes && number + 1 == result_.next_pack;
  // What is behind the last record was never acknowledged, unless the index is lost: then it may be
  // a damaged replica, and the pack is left as it is.
  if (static_cast<std::uint64_t>(size) > end && !rebuilding_ &&
      ::ftruncate(fd.get(), static_cast<off_t>(end)) != 0) {
    return errno_error(errno, path);
  }
  const bool go_on = open && !rebuilding_;
  catalog_.begin_pack(options_.disk_number, number, !go_on, end);
  if (end != indexed_end || !indexed_.pack_ends.contains(number)) {
    catalog_.end_pack(options_.disk_number, number, end, !go_on);
  }
  if (go_on) {
    result_.open_pack = number;
    result_.open_pack_end = end;
  }
  return {};
}

Status Recovery::recover_large() {
  MDFS_TRY(const auto names, names_in("blocks"));
  absl::flat_hash_map<std::string, bool> is_indexed;
  is_indexed.reserve(names.size());
  for (const std::string& name : names) is_indexed.emplace(name, false);
  std::vector<IndexChange> gone;
  for (const IndexChange& row : indexed_.rows) {
    if (row.kind != IndexChange::Kind::kPutLarge) continue;
    const auto file = is_indexed.find(large_name(row.info.block, row.info.generation));
    if (file == is_indexed.end()) {
      gone.push_back(row);
      gone.back().kind = IndexChange::Kind::kRemoveLarge;
      continue;
    }
    file->second = true;
    load(row.info, 0, 0, true);
  }
  lost_ += gone.size();
  if (!gone.empty()) MDFS_CHECK(unless_full(result_.index->apply(gone)));
  const std::uint64_t adopted_before = adopted_;
  for (const std::string& name : names) {
    if (!is_indexed.at(name)) MDFS_CHECK(recover_large_file(name));
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
  MDFS_TRY(const auto fd, open_file(path, O_RDWR));
  const auto info = verify_large_file(fd.get(), options_.disk, path);
  if (!info && info.error().code != Errc::kCorrupt) return info.error();
  if (!info) {
    put_away(path, name, info.error().message);
    return {};
  }
  if (info->block != parsed->block || info->generation != parsed->generation) {
    put_away(path, name, path + ": holds block " + to_string(info->block));
    return {};
  }
  MDFS_CHECK(sync_data(fd.get(), path));
  load(*info, 0, 0, false);
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
