#include "transfer/replica_sum.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/file.hpp"

namespace minidfs::transfer {
namespace {

// Read at a time: a few, so that their bytes are still in the processor's cache when they are
// summed.
constexpr std::size_t kSlicesTogether = 4;

}  // namespace

Result<bool> ReplicaSum::go_on(std::size_t bytes) {
  // Of the turn and not of the replica, so that there are no more of them than threads of disks,
  // however many ask.
  std::vector<std::byte> buffer;
  const auto slices = replica_->slices();
  for (std::size_t done = 0; done < bytes && next_ < slices.size();) {
    const auto count = std::min(kSlicesTogether, slices.size() - next_);
    MDFS_TRY(auto rest, stored(count, buffer));
    done += rest.size();
    for (std::size_t i = 0; i < count; ++i) {
      const auto size = std::min<std::size_t>(slices[next_].stored_bytes, rest.size());
      MDFS_CHECK(add(slices[next_], rest.first(size)));
      rest = rest.subspan(size);
    }
    replica_->progress();
  }
  if (next_ < slices.size()) return false;
  if (summed_ != replica_->info().length) return corrupt("its slices do not add up");
  return true;
}

// Of the next slices.
Result<std::span<const std::byte>> ReplicaSum::stored(std::size_t slices,
                                                      std::vector<std::byte>& buffer) {
  const auto begin = replica_->stored_offset(next_);
  const auto size = replica_->stored_offset(next_ + slices) - begin;
  if (size > slices * storage::kSliceBytes) return corrupt("its slices are too long");
  if (const auto all = replica_->content(); !all.empty()) {
    return all.subspan(begin - replica_->stored_offset(0), size);
  }
  buffer.resize(size);
  MDFS_CHECK(read_at(replica_->fd(), buffer, begin,
                     "replica of block " + to_string(replica_->info().block)));
  return std::span<const std::byte>(buffer);
}

// The next slice.
Status ReplicaSum::add(const storage::Slice& slice, std::span<const std::byte> stored) {
  const auto& info = replica_->info();
  if (slice.raw_bytes != std::min<std::uint64_t>(storage::kSliceBytes, info.length - summed_)) {
    return corrupt("slice " + std::to_string(next_) + " has the wrong length");
  }
  MDFS_TRY(const auto raw, decoder_.decode({info.block, info.generation, next_}, slice, stored));
  summer_.add(raw);
  summed_ += raw.size();
  ++next_;
  return {};
}

Error ReplicaSum::corrupt(std::string_view what) const {
  return {Errc::kCorrupt,
          "the replica of block " + to_string(replica_->info().block) + ": " + std::string(what)};
}

}  // namespace minidfs::transfer
