// The slices of a block at the last node of its pipeline, taken from the writer's socket by a
// thread of the disk: received, checked and written by one processor, which finds them in its
// cache. It is lent the connection's input for as long as whole frames stand in the kernel, and
// waits for nothing; all that is not the next slices of the block is left to the connection.
//
// next() is called by threads of the disk, one at a time, and receives into a buffer of its thread;
// stop() by the connection's loop, once, at any time.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "base/file.hpp"
#include "storage/blocks/block_store.hpp"
#include "transfer/open_frame.hpp"
#include "transfer/pipeline_steps.hpp"

namespace minidfs::transfer {

class SocketSlices final : public storage::SliceSource {
 public:
  struct Input {
    BlockId block;
    std::uint64_t generation = 0;
    std::uint64_t next_slice = 0;
    std::optional<OpenFrame> frame;
    std::vector<std::byte> spill;  // What was received already, before what stands in the kernel.
  };
  using Event = std::variant<SlicesBegun, SlicesArrived>;
  struct Taken {
    std::vector<Event> events;       // In their order.
    std::optional<OpenFrame> frame;  // As it was left.
    std::vector<std::byte> spill;
    std::size_t received_bytes = 0;
  };

  SocketSlices(std::shared_ptr<UniqueFd> socket, Input input);

  Slices next() override;

  // What was taken; next() gives nothing from now on.
  Taken stop();

 private:
  bool open_frame();
  bool receive(std::span<std::byte> buffer);

  const std::shared_ptr<UniqueFd> socket_;
  std::mutex mutex_;
  Input input_;
  Taken taken_;
  OpenFrame given_;  // By next(), last.
  bool over_ = false;
};

}  // namespace minidfs::transfer
