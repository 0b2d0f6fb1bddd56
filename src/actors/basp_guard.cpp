#include "actors/basp_guard.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace minidfs::actors {
namespace {

// The values of caf::io::basp::message_type.
enum Operation : std::uint8_t {
  kServerHandshake = 0,
  kClientHandshake = 1,
  kDirectMessage = 2,
  // 3 is a routed message, by which a process speaks for another one or through this one. Every
  // pair of minidfs processes that talk has a connection of its own, so it is refused.
  kMonitorMessage = 4,
  kDownMessage = 5,
  kHeartbeat = 6,
};

// The operation data of a direct message is CAF's message id (caf/message_id.hpp). This bit of its
// first byte marks a message of CAF's streams, which minidfs does not use, and whose forged payload
// CAF takes for one without a look.
constexpr std::uint8_t kStreamCategory = 0x20;

// Handshakes and notices hold ids and type names only.
constexpr std::uint32_t kNoticeBytesMax = 1U << 20U;

std::uint32_t big_endian_u32(const char* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = (value << 8U) | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

}  // namespace

BaspGuard::BaspGuard(Side side, const BaspLimits& limits, std::shared_ptr<BaspBudget> budget)
    : side_(side), limits_(limits), budget_(std::move(budget)) {}

BaspGuard::~BaspGuard() { *budget_ -= charged_bytes_; }

bool BaspGuard::accept(std::span<const char> bytes) {
  while (!bytes.empty() && !refused_) {
    if (payload_left_ > 0) {
      const auto taken = std::min(payload_left_, bytes.size());
      payload_left_ -= taken;
      bytes = bytes.subspan(taken);
      continue;
    }
    const auto taken = std::min(header_.size() - header_filled_, bytes.size());
    std::memcpy(header_.data() + header_filled_, bytes.data(), taken);
    header_filled_ += taken;
    bytes = bytes.subspan(taken);
    if (header_filled_ == header_.size()) {
      header_filled_ = 0;
      refused_ = !accept_header();
    }
  }
  return !refused_;
}

bool BaspGuard::accept_header() {
  const auto operation = static_cast<std::uint8_t>(header_[0]);
  const auto payload_bytes = big_endian_u32(header_.data() + 4);
  payload_left_ = payload_bytes;
  return is_expected(operation, payload_bytes) && charge(payload_bytes);
}

bool BaspGuard::is_expected(std::uint8_t operation, std::uint32_t payload_bytes) {
  const bool is_notice = payload_bytes > 0 && payload_bytes <= kNoticeBytesMax;
  switch (operation) {
    case kServerHandshake: {
      const bool expected = side_ == Side::kConnecting && !greeted_;
      greeted_ = true;
      return expected && is_notice;
    }
    case kClientHandshake:
      greeted_ = true;
      return side_ == Side::kListening && is_notice;
    case kDirectMessage:
      return greeted_ && payload_bytes > 0 && payload_bytes <= limits_.payload_bytes_max &&
             (static_cast<std::uint8_t>(header_[8]) & kStreamCategory) == 0;
    case kMonitorMessage:
    case kDownMessage:
      return greeted_ && is_notice;
    case kHeartbeat:
      return greeted_ && payload_bytes == 0;
    default:
      return false;
  }
}

bool BaspGuard::charge(std::size_t payload_bytes) {
  const auto due = payload_bytes > kUnchargedBytes ? payload_bytes - kUnchargedBytes : 0;
  if (due <= charged_bytes_) return true;
  const auto more = due - charged_bytes_;
  if (budget_->fetch_add(more) + more > limits_.buffered_bytes_max) {
    *budget_ -= more;
    return false;
  }
  charged_bytes_ = due;
  return true;
}

}  // namespace minidfs::actors
