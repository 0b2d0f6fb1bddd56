// The part of the block store that looks after what is stored: files that are missing, damaged
// indexes, and bad replicas that somebody wants to look at later.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "storage/blocks/disk_block_store.hpp"

namespace minidfs::storage {

namespace {

namespace fs = std::filesystem;

// What is kept of corrupt replicas on each disk, at most.
constexpr std::size_t kKeptFilesMax = 1000;
constexpr std::uint64_t kKeptBytesMax = std::uint64_t{1} << 30;

struct KeptFile {
  fs::path path;
  fs::file_time_type time;
  std::uint64_t bytes = 0;
};

// Makes room in the folder for one more file of `bytes`; the oldest go first.
void make_room(const std::string& folder, std::uint64_t bytes) {
  std::vector<KeptFile> kept;
  std::uint64_t total = bytes;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!entry.is_regular_file(error)) continue;
    kept.push_back({entry.path(), entry.last_write_time(error), entry.file_size(error)});
    total += kept.back().bytes;
  }
  std::sort(kept.begin(), kept.end(),
            [](const KeptFile& a, const KeptFile& b) { return a.time < b.time; });
  std::size_t count = kept.size() + 1;
  for (const KeptFile& file : kept) {
    if (count <= kKeptFilesMax && total <= kKeptBytesMax) return;
    fs::remove(file.path, error);
    --count;
    total -= file.bytes;
  }
}

// Copies what can be read of a record; a bad sector leaves zeros.
Status copy_record(const std::string& from, std::uint64_t offset, std::uint64_t bytes,
                   const std::string& to) {
  MDFS_TRY(const auto source, open_file(from, O_RDONLY));
  MDFS_TRY(const auto target, open_file(to, O_WRONLY | O_CREAT | O_TRUNC));
  constexpr std::uint64_t kStepBytes = 4096;
  std::vector<std::byte> buffer;
  for (std::uint64_t at = 0; at < bytes; at += kStepBytes) {
    buffer.assign(std::min(kStepBytes, bytes - at), std::byte{0});
    static_cast<void>(read_at(source.get(), buffer, offset + at, from));
    MDFS_CHECK(write_at(target.get(), buffer, at, to));
  }
  return {};
}

}  // namespace

bool DiskBlockStore::file_is_there(BlockId block, const ReplicaLocation& location) const {
  struct stat status = {};
  const bool large = location.pack == 0;
  const std::string path = large ? opener_.large_path(location.disk, block, location.generation)
                                 : opener_.pack_path(location.disk, location.pack);
  if (::stat(path.c_str(), &status) != 0) return false;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t bytes = file_bytes(location.info(block));
  return large ? size == bytes : size >= location.place() + bytes;
}

BlockStore::FilesChecked DiskBlockStore::check_files(BlockId after, std::size_t limit) {
  FilesChecked result;
  const auto places = catalog_.places(after, limit);
  result.end = places.size() < limit;
  result.last = places.empty() ? after : places.back().block;
  for (const auto& [block, location] : places) {
    if (threads_[location.disk]->condition() == DiskCondition::kHangs) continue;
    // It may have been removed since.
    if (file_is_there(block, location) || !catalog_.is_at(block, location)) continue;
    result.missing.push_back(location.info(block));
  }
  if (!result.missing.empty()) monitor_.check_soon();
  return result;
}

void DiskBlockStore::check_indexes() {
  for (const auto& disk : disks_) {
    if (disk) disk->keeper->check_index();
  }
}

Status DiskBlockStore::keep_copy(BlockId block, const ReplicaLocation& location) {
  const std::string folder = directories_[location.disk].path + "/corrupt";
  std::error_code error;
  fs::create_directory(folder, error);
  if (error) return errno_error(error.value(), folder);
  const std::uint64_t bytes = file_bytes(location.info(block));
  if (bytes > kKeptBytesMax) {
    return Error{Errc::kTooLarge, folder + ": keeps no more than " + std::to_string(kKeptBytesMax) +
                                      " bytes, not " + std::to_string(bytes)};
  }
  make_room(folder, bytes);
  const std::string target = folder + "/" + large_name(block, location.generation);
  if (location.pack != 0) {
    return copy_record(opener_.pack_path(location.disk, location.pack), location.place(), bytes,
                       target + ".record");
  }
  const std::string path = opener_.large_path(location.disk, block, location.generation);
  if (::link(path.c_str(), target.c_str()) != 0 && errno != EEXIST) {
    return errno_error(errno, target);
  }
  return {};
}

Status DiskBlockStore::set_aside(BlockId block, std::uint64_t generation) {
  const auto found = catalog_.places(BlockId{block.value - 1}, 1);
  if (!found.empty() && found.front().block == block &&
      found.front().location.generation <= generation) {
    const ReplicaLocation location = found.front().location;
    const Status kept = threads_[location.disk]->ask_and_wait<Status>(
        DiskWork::kRead, [this, block, location] { return keep_copy(block, location); });
    if (!kept.ok()) {
      notices_.add("no copy of corrupt block " + to_string(block) +
                   " is kept: " + kept.error().message);
    }
  }
  return remove(block, generation);
}

}  // namespace minidfs::storage
