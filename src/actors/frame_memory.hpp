// A bound on what the unfinished frames of all connections of one event loop hold. Bytes count when
// they have arrived. When more arrive than there is room for, the frame that has been unfinished
// for the longest time gives way: an honest one is whole within moments, one of a peer that stops
// in the middle never. A value of one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>

namespace minidfs::actors {

class FrameMemory {
 public:
  // What the frame of one connection holds. Ends with its connection.
  class Share {
   public:
    // `evicted` is called when the frame has to give way, its share being given back already. It
    // must not call the memory.
    Share(std::shared_ptr<FrameMemory> memory, std::function<void()> evicted);
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // From now on the frame holds `bytes`. False, and nothing has changed, when there is no room
    // even after all older frames have given way.
    bool grow_to(std::size_t bytes);
    // The frame is whole or given up.
    void release();

   private:
    friend class FrameMemory;

    const std::shared_ptr<FrameMemory> memory_;
    const std::function<void()> evicted_;
    std::size_t bytes_ = 0;
    std::list<Share*>::iterator place_;  // In the memory's list while bytes_ > 0.
  };

  explicit FrameMemory(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  std::size_t used_bytes() const { return used_bytes_; }

 private:
  const std::size_t bytes_max_;
  std::size_t used_bytes_ = 0;
  std::list<Share*> shares_;  // The oldest frame first.
};

}  // namespace minidfs::actors
