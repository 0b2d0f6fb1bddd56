// The slices of a block, taken from the writer's socket by a thread of the disk: received, passed
// on, checked and written by one processor, which finds them in its cache. It is lent the
// connection's input for as long as whole frames stand in the kernel and the next node takes them,
// and waits for nothing; all that is not the next slices of the block is left to the connection,
// and so is what the next node did not take at once.
//
// next() is called by threads of the disk, one at a time; stop() by the connection's loop, once, at
// any time. The last node of a pipeline receives into a buffer of the thread, the others into
// receive memory that they were granted.
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
  // The next node of the pipeline, which is to get all that is taken.
  struct Next {
    std::shared_ptr<UniqueFd> socket;
    std::shared_ptr<const void> memory;  // Keeps `room`, to receive into.
    std::span<std::byte> room;
  };
  using Event = std::variant<SlicesBegun, SlicesArrived>;
  struct Taken {
    std::vector<Event> events;       // In their order.
    std::optional<OpenFrame> frame;  // As it was left.
    std::vector<std::byte> spill;
    std::size_t received_bytes = 0;
    std::size_t sent_bytes = 0;
    std::span<const std::byte> unsent;  // Of the memory; comes before the spill.
  };

  // What it takes to receive frames with so many bytes of data.
  static constexpr std::size_t memory_for(std::size_t data_bytes) {
    return data_bytes + 2 * kSlicesHeadMax;  // Its head, and that of the next one.
  }

  // Without `next` at the last node.
  SocketSlices(std::shared_ptr<UniqueFd> socket, Input input, std::optional<Next> next = {});

  Slices next() override;

  // What was taken; next() gives nothing from now on.
  Taken stop();

 private:
  bool open_frame(std::span<std::byte> buffer);
  bool receive_head();
  bool receive(std::span<std::byte> room);
  void pass_on(std::span<const std::byte> bytes);

  const std::shared_ptr<UniqueFd> socket_;
  const std::optional<Next> next_;
  std::mutex mutex_;
  Input input_;
  Taken taken_;
  std::size_t head_bytes_ = 0;  // Of the open frame, at the beginning of the buffer.
  OpenFrame given_;             // By next(), last.
  bool over_ = false;
};

}  // namespace minidfs::transfer
