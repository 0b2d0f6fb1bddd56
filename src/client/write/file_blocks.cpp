#include "client/write/file_blocks.hpp"

#include <algorithm>
#include <utility>

namespace minidfs::client {

FileBlocks::FileBlocks(std::uint64_t block_size, std::uint8_t replication,
                       const StagingOptions& options)
    : block_size_(block_size), replication_(replication), options_(options) {
  report_.files = 1;
  report_.copies_wanted = report_.copies_min = replication;
}

void FileBlocks::add(std::uint64_t index, StoredBlock block) {
  stored_.emplace(index, std::move(block));
}

std::optional<FilePart> FileBlocks::take_part() {
  if (stored_.size() <= options_.kept_max || part_size() < options_.part_max) return {};
  FilePart part;
  part.change.position = staged_;
  part.change.block_size = block_size_;
  part.change.replication = replication_;
  part.blocks.reserve(options_.part_max);
  for (; part.blocks.size() < options_.part_max; stored_.erase(stored_.begin())) {
    count(stored_.begin()->second);
    part.blocks.push_back(std::move(stored_.begin()->second));
  }
  staged_ += part.blocks.size();
  return part;
}

// How many of the next blocks may be staged together: in order and of the full size; none while one
// of them is missing. Not more than one part takes.
std::uint64_t FileBlocks::part_size() const {
  std::uint64_t count = 0;
  for (const auto& [index, stored] : stored_) {
    if (count == options_.part_max || index != staged_ + count ||
        stored.block.length != block_size_ ||
        stored.block.generation != stored_.begin()->second.block.generation) {
      break;
    }
    ++count;
  }
  return count;
}

Status FileBlocks::finish(std::uint64_t blocks, FinishedFile& file) {
  stored_.erase(stored_.lower_bound(blocks), stored_.end());
  if (staged_ > blocks) return Error{Errc::kStale, "was cut short while it was read"};
  for (auto& [index, block] : stored_) {
    count(block);
    file.blocks.push_back(std::move(block));
  }
  return {};
}

void FileBlocks::count(const StoredBlock& block) {
  report_.bytes += block.block.length;
  report_.copies_min =
      static_cast<std::uint8_t>(std::min<std::size_t>(report_.copies_min, block.nodes.size()));
}

}  // namespace minidfs::client
