#include "client/progress_meter.hpp"

namespace minidfs::client {

void ProgressMeter::add_bytes(std::uint64_t bytes, TimePoint now) {
  bytes_done_ += bytes;
  if (!callback_) return;
  const std::unique_lock lock(calling_, std::try_to_lock);
  if (!lock.owns_lock() || now - last_call_ < kInterval) return;
  last_call_ = now;
  callback_(snapshot());
}

void ProgressMeter::finish() {
  if (!callback_) return;
  const std::lock_guard lock(calling_);
  callback_(snapshot());
}

Progress ProgressMeter::snapshot() const {
  return {bytes_done_, bytes_total_, files_done_, files_total_};
}

}  // namespace minidfs::client
