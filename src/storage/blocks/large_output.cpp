#include "storage/blocks/large_output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

namespace minidfs::storage {

namespace {

// Writing back begins when so much has gathered, so that the sync at the end finds little to do.
constexpr std::uint64_t kWriteBackBytes = std::uint64_t{8} << 20;
// At most so much is allocated ahead at a time.
constexpr std::uint64_t kAllocateBytes = std::uint64_t{64} << 20;

std::chrono::nanoseconds thread_cpu_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

Result<std::unique_ptr<LargeOutput>> LargeOutput::create(Options options) {
  std::unique_ptr<LargeOutput> output(new LargeOutput(std::move(options)));
  MDFS_CHECK(output->open());
  return output;
}

// A file system may refuse O_DIRECT after it has made the file, so that comes second.
Status LargeOutput::open() {
  MDFS_TRY(auto fd, open_file(path_, O_RDWR | O_CREAT | O_EXCL));
  fd_ = std::make_shared<UniqueFd>(std::move(fd));
  buffer_ = options_.direct->take(options_.readers);
  if (!buffer_) return {};
  direct_ = ::fcntl(fd_->get(), F_SETFL, O_DIRECT) == 0;
  if (direct_) return {};
  options_.direct->refuse(std::strerror(errno));
  buffer_.reset();
  return {};
}

Status LargeOutput::append(std::span<const std::byte> bytes, std::uint64_t promised) {
  const auto way = buffer_ ? WriteWay::kDirect : WriteWay::kCached;
  const auto write = [&] {
    return way == WriteWay::kDirect ? gather(bytes, promised) : write_cached(bytes);
  };
  if (!options_.direct->compares_costs()) return write();
  const auto begin = thread_cpu_time();
  MDFS_CHECK(write());
  options_.direct->note_cost(way, bytes.size(), thread_cpu_time() - begin);
  return {};
}

Status LargeOutput::write_cached(std::span<const std::byte> bytes) {
  MDFS_CHECK(write_at(fd_->get(), bytes, written_, path_));
  written_ += bytes.size();
  write_back();
  return {};
}

Status LargeOutput::gather(std::span<const std::byte> bytes, std::uint64_t promised) {
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), DirectWrites::kBufferBytes - gathered_);
    std::memcpy(buffer_.data() + gathered_, bytes.data(), count);
    gathered_ += count;
    bytes = bytes.subspan(count);
    if (gathered_ < DirectWrites::kBufferBytes) continue;
    allocate(promised);
    MDFS_CHECK(write_gathered(gathered_));
    written_ += std::exchange(gathered_, 0);
  }
  return {};
}

// Only for the file's sake, which becomes one piece on the disk: what fails here shows at the
// write.
void LargeOutput::allocate(std::uint64_t promised) {
  if (!allocates_ || written_ + gathered_ <= allocated_ || promised <= allocated_) return;
  const std::uint64_t bytes = std::min(promised - allocated_, kAllocateBytes);
  allocates_ = ::fallocate(fd_->get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(allocated_),
                           static_cast<off_t>(bytes)) == 0;
  if (allocates_) allocated_ += bytes;
}

// The first `bytes` of the buffer.
Status LargeOutput::write_gathered(std::size_t bytes) {
  const std::span<const std::byte> all(buffer_.data(), bytes);
  Status written = write_at(fd_->get(), all, written_, path_);
  if (written.ok() || written.error().code != Errc::kInvalidArgument ||
      !go_through_cache(written.error().message)) {
    return written;
  }
  return write_at(fd_->get(), all, written_, path_);
}

// A file system may take O_DIRECT and then refuse to write so.
bool LargeOutput::go_through_cache(const std::string& reason) {
  if (!std::exchange(direct_, false) || ::fcntl(fd_->get(), F_SETFL, 0) != 0) return false;
  options_.direct->refuse(reason);
  return true;
}

Status LargeOutput::finish(std::span<const std::byte> last) {
  MDFS_CHECK(append(last, 0));
  if (buffer_) MDFS_CHECK(write_end());
  if (options_.durability != Durability::kSync) return {};
  MDFS_CHECK(sync_data(fd_->get(), path_));
  // Memory that was just given back is the cheapest to take again, for the next copy.
  if (options_.readers == Readers::kNobody && !direct_) {
    ::posix_fadvise(fd_->get(), 0, 0, POSIX_FADV_DONTNEED);
  }
  // On a journaling file system the first sync has mostly made the name durable as well, and this
  // one finds nothing to do.
  return sync_directory(options_.folder);
}

Status LargeOutput::write_end() {
  const std::uint64_t length = written_ + gathered_;
  const std::size_t padded = align_up(gathered_);
  std::memset(buffer_.data() + gathered_, 0, padded - gathered_);
  if (padded > 0) MDFS_CHECK(write_gathered(padded));
  // Also gives back what was allocated ahead and not used.
  while (::ftruncate(fd_->get(), static_cast<off_t>(length)) != 0) {
    if (errno != EINTR) return errno_error(errno, path_);
  }
  written_ = length;
  allocated_ = 0;
  gathered_ = 0;
  return {};
}

void LargeOutput::write_back() {
  if (options_.durability != Durability::kSync || written_ - written_back_ < kWriteBackBytes)
    return;
  // Only a hint: errors show at the sync.
  const std::uint64_t begin = std::exchange(written_back_, written_);
  const auto write_back = [fd = fd_, begin, end = written_] {
    ::sync_file_range(fd->get(), static_cast<off_t>(begin), static_cast<off_t>(end - begin),
                      SYNC_FILE_RANGE_WRITE);
  };
  options_.threads->submit(DiskWork::kSync, {write_back, {}, {}});
}

void LargeOutput::remove() { ::unlink(path_.c_str()); }

}  // namespace minidfs::storage
