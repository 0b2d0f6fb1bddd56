#include "client/read/salvage.hpp"

namespace minidfs::client {

void Salvage::leave_out(std::uint64_t offset, std::uint64_t length, const Error& why) {
  const std::lock_guard lock(mutex_);
  bytes_ += length;
  if (offset >= first_) return;
  first_ = offset;
  why_ = why.message;
}

Status Salvage::result() const {
  const std::lock_guard lock(mutex_);
  if (bytes_ == 0) return {};
  return Error{Errc::kCorrupt, std::to_string(bytes_) +
                                   " bytes cannot be read, and are zeros in the copy; the first is "
                                   "at " +
                                   std::to_string(first_) + ": " + why_};
}

}  // namespace minidfs::client
