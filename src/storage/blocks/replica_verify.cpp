#include "storage/blocks/replica_verify.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "storage/blocks/direct_io.hpp"

namespace minidfs::storage {

namespace {

constexpr std::size_t kStepBytes = std::size_t{1} << 20;

// Reads a file in steps, from the device and not from the page cache where that is possible.
class PacedFile {
 public:
  PacedFile(std::string path, const Pace& pace) : path_(std::move(path)), pace_(pace) {}

  Status open() {
    auto fd = open_file(path_, O_RDONLY | O_DIRECT);
    if (!fd && fd.error().code == Errc::kInvalidArgument) fd = open_file(path_, O_RDONLY);
    if (!fd) return std::move(fd).error();
    fd_ = std::move(*fd);
    buffer_ = make_aligned(kStepBytes + 2 * kDirectAlignmentBytes);
    return {};
  }

  Result<std::uint64_t> size() const {
    struct stat status = {};
    if (::fstat(fd_.get(), &status) != 0) return errno_error(errno, path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Status read(std::span<std::byte> out, std::uint64_t offset) {
    while (!out.empty()) {
      const std::size_t count = std::min(out.size(), kStepBytes);
      if (pace_ && !pace_(count)) return Error{Errc::kCancelled, path_ + ": reading was cancelled"};
      MDFS_CHECK(read_step(out.first(count), offset));
      out = out.subspan(count);
      offset += count;
    }
    return {};
  }

 private:
  Status read_step(std::span<std::byte> out, std::uint64_t offset) {
    const std::uint64_t begin = offset / kDirectAlignmentBytes * kDirectAlignmentBytes;
    const std::uint64_t end = align_up(offset + out.size());
    const std::uint64_t wanted = offset + out.size() - begin;
    std::uint64_t done = 0;
    while (done < wanted) {
      const ssize_t count = ::pread(fd_.get(), buffer_.get() + done, end - begin - done,
                                    static_cast<off_t>(begin + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EINVAL && ::fcntl(fd_.get(), F_SETFL, 0) == 0 && !buffered_) {
        buffered_ = true;  // The file system opens for direct reads but cannot do them.
        continue;
      }
      if (count < 0) return errno_error(errno, path_);
      done += static_cast<std::uint64_t>(count);
      if (count == 0 || (done < wanted && done % kDirectAlignmentBytes != 0)) break;
    }
    if (done < wanted) {
      return Error{Errc::kCorrupt, path_ + ": ends at offset " + std::to_string(begin + done) +
                                       " instead of after " + std::to_string(offset + out.size())};
    }
    std::memcpy(out.data(), buffer_.get() + (offset - begin), out.size());
    return {};
  }

  const std::string path_;
  const Pace& pace_;
  UniqueFd fd_;
  AlignedBytes buffer_;
  bool buffered_ = false;
};

Error wrong_descriptor(const std::string& path, const ReplicaInfo& info) {
  return {Errc::kCorrupt, path + ": does not describe block " + to_string(info.block) +
                              " of generation " + std::to_string(info.generation)};
}

}  // namespace

Status verify_large_replica(const std::string& path, DiskId disk, const ReplicaInfo& info,
                            const Pace& pace) {
  PacedFile file(path, pace);
  MDFS_CHECK(file.open());
  MDFS_TRY(const std::uint64_t size, file.size());
  if (size != file_bytes(info)) {
    return Error{Errc::kCorrupt, path + ": has " + std::to_string(size) + " bytes instead of " +
                                     std::to_string(file_bytes(info))};
  }
  std::vector<std::byte> header_bytes(kReplicaHeaderBytes);
  MDFS_CHECK(file.read(header_bytes, size - kReplicaHeaderBytes));
  MDFS_TRY(const ReplicaHeader header, decode_replica_header(header_bytes));
  if (header.place != DescriptorPlace{disk, 0, info.stored_bytes} || header.info != info) {
    return wrong_descriptor(path, info);
  }
  std::vector<std::byte> table(header.slice_count * kSliceEntryBytes);
  MDFS_CHECK(file.read(table, info.stored_bytes));
  MDFS_TRY(const auto slices, decode_slice_table(header, header_bytes, table));
  std::vector<std::byte> stored;
  std::uint64_t offset = 0;
  for (std::size_t next = 0; next < slices.size();) {
    const std::size_t first = next;
    std::size_t bytes = 0;
    while (next < slices.size() && (next == first || bytes + kSliceBytes <= kStepBytes)) {
      bytes += slices[next++].stored_bytes;
    }
    stored.resize(bytes);
    MDFS_CHECK(file.read(stored, offset));
    MDFS_CHECK(check_slices({info.block, info.generation, first},
                            std::span(slices).subspan(first, next - first), stored));
    offset += bytes;
  }
  return {};
}

Status verify_packed_replica(const std::string& path, const DescriptorPlace& place,
                             const ReplicaInfo& info, const Pace& pace) {
  PacedFile file(path, pace);
  MDFS_CHECK(file.open());
  std::vector<std::byte> record(file_bytes(info));
  MDFS_CHECK(file.read(record, place.offset));
  MDFS_TRY(const ReplicaHeader header, decode_record(place, record));
  if (header.info != info) return wrong_descriptor(path, info);
  return {};
}

}  // namespace minidfs::storage
