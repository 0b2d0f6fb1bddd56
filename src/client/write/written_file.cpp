#include "client/write/written_file.hpp"

#include <algorithm>
#include <utility>

namespace minidfs::client {

WrittenFile::WrittenFile(WriteSession& session, const FileSettings& settings,
                         const StagingOptions& options)
    : session_(session), settings_(settings), options_(options) {
  report_.files = 1;
  report_.copies_wanted = report_.copies_min = settings.replication;
}

Status WrittenFile::add(std::uint64_t index, WrittenPart part) {
  std::unique_lock lock(mutex_);
  parts_.emplace(index, std::move(part));
  // One thread stages at a time; what comes meanwhile waits for its turn in the map.
  while (!staging_ && parts_.size() > options_.kept_max) {
    auto parts = take_part();
    if (parts.empty()) break;
    staging_ = true;
    const auto position = std::exchange(staged_, staged_ + parts.size());
    lock.unlock();
    auto status = stage(position, std::move(parts));
    lock.lock();
    staging_ = false;
    if (!status.ok()) return status;
  }
  return {};
}

// The next blocks to stage, in order and of the full size, as many as go in one part; none while
// one of them is missing.
std::vector<WrittenPart> WrittenFile::take_part() {
  std::uint64_t count = 0;
  auto end = parts_.begin();
  for (; end != parts_.end() && count < options_.part_max; ++end, ++count) {
    const auto& block = end->second.block;
    if (end->first != staged_ + count || block.length != settings_.block_size ||
        block.generation != parts_.begin()->second.block.generation) {
      break;
    }
  }
  std::vector<WrittenPart> parts;
  if (count < options_.part_max) return parts;
  parts.reserve(count);
  for (auto at = parts_.begin(); at != end; ++at) parts.push_back(std::move(at->second));
  parts_.erase(parts_.begin(), end);
  return parts;
}

Status WrittenFile::stage(std::uint64_t position, std::vector<WrittenPart> parts) {
  actors::StageWrite request;
  request.change.position = position;
  request.change.block_size = settings_.block_size;
  request.change.replication = settings_.replication;
  request.change.generation = parts.front().block.generation;
  for (auto& part : parts) {
    auto& ranges = request.change.blocks;
    const auto id = part.block.id;
    if (!ranges.empty() && ranges.back().first.value + ranges.back().count == id.value) {
      ++ranges.back().count;
    } else {
      ranges.push_back({id, 1});
    }
    count(part);
    request.written.push_back({id, std::move(part.nodes)});
  }
  return session_.stage(std::move(request));
}

void WrittenFile::count(const WrittenPart& part) {
  report_.bytes += part.block.length;
  report_.copies_min =
      static_cast<std::uint8_t>(std::min<std::size_t>(report_.copies_min, part.nodes.size()));
}

Result<WriteReport> WrittenFile::commit(metadata::CommittedFile file, std::uint64_t blocks) {
  parts_.erase(parts_.lower_bound(blocks), parts_.end());
  if (staged_ > blocks) return Error{Errc::kStale, "was cut short while it was read"};
  std::vector<actors::WrittenBlock> written;
  for (auto& [index, part] : parts_) {
    count(part);
    file.blocks.push_back(part.block);
    written.push_back({part.block.id, std::move(part.nodes)});
  }
  std::vector<metadata::CommittedFile> files;
  files.push_back(std::move(file));
  MDFS_TRY(const auto outcomes, session_.commit(std::move(files), std::move(written), staged_));
  MDFS_CHECK(metadata::to_result(outcomes.front()));
  return report_;
}

}  // namespace minidfs::client
