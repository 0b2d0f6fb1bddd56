#include "storage/blocks/block_store.hpp"

#include <future>

namespace minidfs::storage {

Status ReplicaReader::read(const std::shared_ptr<std::vector<std::byte>>& buffer,
                           std::uint64_t offset, std::size_t bytes) {
  buffer->resize(bytes);
  // Shared, as a disk that hangs may be at it when the answer is here.
  const auto answer = std::make_shared<std::promise<Status>>();
  const auto read = std::make_shared<Status>();
  const std::string name = "replica of block " + to_string(info().block);
  submit(
      {[buffer, read, file = fd(), offset, name] { *read = read_at(file, *buffer, offset, name); },
       [answer, read] { answer->set_value(std::move(*read)); },
       [answer](const Error& error) { answer->set_value(error); }});
  return answer->get_future().get();
}

std::optional<ReplicaInfo> BlockStore::find(BlockId block) {
  const auto next = list(BlockId{block.value - 1}, 1);
  if (!next.ok() || next->empty() || next->front().block != block) return std::nullopt;
  return next->front();
}

}  // namespace minidfs::storage
