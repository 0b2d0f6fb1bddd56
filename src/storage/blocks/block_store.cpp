#include "storage/blocks/block_store.hpp"

#include <condition_variable>
#include <mutex>

namespace minidfs::storage {

Status ReplicaReader::read(const std::shared_ptr<std::vector<std::byte>>& buffer,
                           std::uint64_t offset, std::size_t bytes) {
  struct Answer {
    std::mutex mutex;
    std::condition_variable ready;
    Status read;
    std::optional<Status> status;
  };
  buffer->resize(bytes);
  const auto answer = std::make_shared<Answer>();
  const auto tell = [answer](Status status) {
    const std::lock_guard lock(answer->mutex);
    answer->status = std::move(status);
    answer->ready.notify_one();
  };
  const std::string name = "replica of block " + to_string(info().block);
  submit({[answer, buffer, file = fd(), offset, name] {
            answer->read = read_at(file, *buffer, offset, name);
          },
          [answer, tell] { tell(answer->read); }, [tell](const Error& error) { tell(error); }});
  std::unique_lock lock(answer->mutex);
  answer->ready.wait(lock, [&] { return answer->status.has_value(); });
  return *answer->status;
}

}  // namespace minidfs::storage
