#include "consensus/peers/peer_mail.hpp"

#include <utility>

namespace minidfs::consensus {
namespace {

// What an item takes beside its bytes.
constexpr std::size_t kItemBytes = 64;

}  // namespace

std::vector<PeerMail::Item> PeerMail::take() {
  const std::lock_guard lock(mutex_);
  bytes_ = 0;
  return std::exchange(items_, {});
}

void PeerMail::add(Item item) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto* received = std::get_if<Received>(&item)) {
      const auto bytes = received->bytes.size() + kItemBytes;
      if (bytes > bytes_max_ - bytes_) return;
      bytes_ += bytes;
    }
    items_.push_back(std::move(item));
    if (items_.size() > 1) return;  // The log has been told.
  }
  arrived_();
}

}  // namespace minidfs::consensus
