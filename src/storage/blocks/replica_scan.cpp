// Reads replicas from their files without an index.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/file.hpp"
#include "storage/blocks/large_file.hpp"
#include "storage/blocks/replica_recovery.hpp"

namespace minidfs::storage {

namespace {

constexpr std::size_t kCheckBytes = std::size_t{1} << 20;
// A pack is not read on after so many errors: each may cost a disk seconds.
constexpr std::uint32_t kReadErrorsMax = 16;

Result<std::uint64_t> file_size(int fd, const std::string& name) {
  struct stat status = {};
  if (::fstat(fd, &status) != 0) return errno_error(errno, name);
  return static_cast<std::uint64_t>(status.st_size);
}

// The first offset from `offset` on that holds data and where a record may begin; nothing at the
// end. Skips what was allocated but never written.
std::optional<std::uint64_t> next_data(int fd, std::uint64_t offset) {
  const off_t data = ::lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0) {
    // A file system without SEEK_DATA calls everything data.
    return errno == ENXIO ? std::nullopt : std::optional<std::uint64_t>(offset);
  }
  const auto found = static_cast<std::uint64_t>(data) / kPackAlignmentBytes * kPackAlignmentBytes;
  return std::max(found, offset);
}

}  // namespace

Result<PackScan> scan_pack(int fd, DiskId disk, std::uint32_t pack, std::uint64_t begin,
                           const std::string& name, const RecordVisitor& visit) {
  MDFS_TRY(const std::uint64_t size, file_size(fd, name));
  PackScan scan;
  scan.end = begin;
  std::uint64_t offset = begin;
  std::vector<std::byte> record;
  // The record at `offset`; kCorrupt when there is none.
  const auto read_record = [&]() -> Result<ReplicaInfo> {
    const DescriptorPlace place{disk, pack, offset};
    record.resize(kReplicaHeaderBytes);
    MDFS_CHECK(read_at(fd, record, offset, name));
    MDFS_TRY(const ReplicaHeader header, decode_replica_header(record));
    if (header.place != place || header.info.stored_bytes > kPackedBytesMax ||
        offset + file_bytes(header.info) > size) {
      return Error{Errc::kCorrupt, name + ": no record at " + std::to_string(offset)};
    }
    record.resize(file_bytes(header.info));
    MDFS_CHECK(read_at(fd, record, offset, name));
    MDFS_CHECK(decode_record(place, record));
    return header.info;
  };
  while (const auto data = next_data(fd, offset)) {
    offset = *data;
    if (offset + kReplicaHeaderBytes > size) break;
    const auto info = read_record();
    if (info) {
      visit(offset, *info);
      offset += packed_bytes(*info);
      scan.end = offset;
      continue;
    }
    offset += kPackAlignmentBytes;
    if (info.error().code == Errc::kCorrupt) continue;
    if (scan.unreadable.ok()) scan.unreadable = info.error();
    if (++scan.read_errors == kReadErrorsMax) break;
  }
  return scan;
}

Result<LargeDescriptor> read_large_descriptor(int fd, DiskId disk, const std::string& name) {
  MDFS_TRY(const std::uint64_t size, file_size(fd, name));
  const auto half = [&] { return Error{Errc::kCorrupt, name + ": half-written"}; };
  if (size < kReplicaHeaderBytes) return half();
  std::vector<std::byte> bytes(kReplicaHeaderBytes);
  MDFS_CHECK(read_at(fd, bytes, size - kReplicaHeaderBytes, name));
  MDFS_TRY(const ReplicaHeader header, decode_replica_header(bytes));
  const DescriptorPlace place{disk, 0, header.info.stored_bytes};
  if (header.place != place || file_bytes(header.info) != size) return half();
  std::vector<std::byte> table(header.slice_count * kSliceEntryBytes);
  MDFS_CHECK(read_at(fd, table, header.info.stored_bytes, name));
  MDFS_TRY(auto slices, decode_slice_table(header, bytes, table));
  return LargeDescriptor{header.info, std::move(slices)};
}

Status check_stored_slices(int fd, std::uint64_t offset, const ReplicaInfo& info,
                           std::span<const Slice> slices, const std::string& name) {
  std::vector<std::byte> buffer;
  std::size_t next = 0;
  while (next < slices.size()) {
    const std::size_t first = next;
    std::size_t bytes = 0;
    while (next < slices.size() && (next == first || bytes + kSliceBytes <= kCheckBytes)) {
      bytes += slices[next++].stored_bytes;
    }
    buffer.resize(bytes);
    MDFS_CHECK(read_at(fd, buffer, offset, name));
    MDFS_CHECK(check_slices({info.block, info.generation, first},
                            slices.subspan(first, next - first), buffer));
    offset += bytes;
  }
  return {};
}

Result<ReplicaInfo> verify_large_file(int fd, DiskId disk, const std::string& name) {
  MDFS_TRY(const LargeDescriptor descriptor, read_large_descriptor(fd, disk, name));
  MDFS_CHECK(check_stored_slices(fd, 0, descriptor.info, descriptor.slices, name));
  return descriptor.info;
}

}  // namespace minidfs::storage
