// Calls back now and then while it lives, from the one thread of the process that does so: the
// signs of life of a writer that is in the middle of a block and has nothing to send. A process
// that is suspended gives none.
#pragma once

#include <functional>

namespace minidfs::transfer {

class WriterPulse {
 public:
  // `beat` is called about twice a second from another thread, and must not block.
  explicit WriterPulse(std::function<void()> beat);
  // Waits for a call that is under way.
  ~WriterPulse();
  WriterPulse(const WriterPulse&) = delete;
  WriterPulse& operator=(const WriterPulse&) = delete;

  void beat() const { beat_(); }

 private:
  std::function<void()> beat_;
};

}  // namespace minidfs::transfer
