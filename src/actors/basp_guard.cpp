#include "actors/basp_guard.hpp"

#include <algorithm>
#include <caf/atom.hpp>
#include <cstring>
#include <utility>

#include "base/checksum.hpp"

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

// A flag of the header: the message is for an actor of this name in place of a number.
constexpr std::uint8_t kNamed = 0x01;
// CAF asks this one of its own about each process that it meets, and does what it is told by
// nobody, because minidfs tells it of no type of actor that it could make.
constexpr auto kAskedByCaf = static_cast<std::uint64_t>(caf::atom("SpawnServ"));

// Handshakes and notices hold ids and type names only.
constexpr std::uint32_t kNoticeBytesMax = 1U << 20U;

// Of a handshake's payload: where the process id stands.
constexpr std::size_t kProcessIdAt = 12;

// What a payload gets at first; doubled whenever it is full. Most messages need no second step.
constexpr std::size_t kFirstBytes = 4U << 10U;

std::uint32_t big_endian_u32(const char* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = (value << 8U) | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

std::uint64_t big_endian_u64(const char* bytes) {
  return (std::uint64_t{big_endian_u32(bytes)} << 32U) | big_endian_u32(bytes + 4);
}

bool names_process(std::span<const char> payload, ProcessId process) {
  std::array<char, 16> id{};
  std::memcpy(id.data(), &process.high, 8);
  std::memcpy(id.data() + 8, &process.low, 8);
  return payload.size() >= kProcessIdAt + id.size() &&
         std::memcmp(payload.data() + kProcessIdAt, id.data(), id.size()) == 0;
}

}  // namespace

BaspGuard::BaspGuard(Side side, ProcessId peer, const BaspLimits& limits,
                     std::shared_ptr<FrameMemory> memory, std::function<void()> evicted)
    : side_(side),
      peer_(peer),
      limits_(limits),
      share_(std::move(memory),
             [this] {
               refuse("its frame held memory that others need, and was not finished");
               evicted_();
             }),
      evicted_(std::move(evicted)) {}

bool BaspGuard::refuse(std::string_view reason) {
  if (refusal_.empty()) refusal_ = reason;
  share_.release();
  payload_ = {};
  return false;
}

std::span<char> BaspGuard::room() {
  if (!refusal_.empty()) return {};
  if (filled_ < kHeaderBytes) return std::span(header_).subspan(filled_);
  const std::size_t at = filled_ - kHeaderBytes;
  if (at == payload_.size()) {
    const std::size_t size = std::min(payload_bytes_, std::max(kFirstBytes, 2 * at));
    if (size > kUnchargedBytes && !share_.grow_to(size - kUnchargedBytes)) {
      refuse("there was no memory for its frame");
      return {};
    }
    payload_.resize(size);
  }
  return std::span(payload_).subspan(at);
}

bool BaspGuard::received(std::size_t bytes, TimePoint now) {
  if (!refusal_.empty()) return false;
  if (filled_ == 0) began_ = now;
  filled_ += bytes;
  if (filled_ == kHeaderBytes && !accept_header()) {
    return refuse("it sent what no peer of ours sends");
  }
  if (filled_ >= kHeaderBytes && filled_ == kHeaderBytes + payload_bytes_) {
    if (!accept_greeting()) return refuse("it speaks for another process than it was admitted as");
    whole_ = filled_;
    share_.release();  // It leaves at once.
  } else if (now - began_ > limits_.frame_time_max) {
    return refuse("it took too long to send a frame");
  }
  return true;
}

std::size_t BaspGuard::give(std::span<char> to) {
  const bool in_header = given_ < kHeaderBytes;
  const auto part = in_header ? std::span<const char>(header_).subspan(given_)
                              : std::span<const char>(payload_).subspan(given_ - kHeaderBytes);
  const std::size_t count = std::min(part.size(), to.size());
  std::memcpy(to.data(), part.data(), count);
  given_ += count;
  if (given_ == whole_) begin_frame();
  return count;
}

void BaspGuard::begin_frame() {
  filled_ = whole_ = given_ = payload_bytes_ = 0;
  if (payload_.capacity() > kFirstBytes) {
    payload_ = {};
  } else {
    payload_.clear();
  }
}

bool BaspGuard::accept_header() {
  const auto operation = static_cast<std::uint8_t>(header_[0]);
  const auto announced = big_endian_u32(header_.data() + 4);
  payload_bytes_ = announced;
  return is_expected(operation, announced);
}

// CAF says its client handshake twice. Another one would make it learn of one process after
// another.
bool BaspGuard::accept_greeting() {
  const auto operation = static_cast<std::uint8_t>(header_[0]);
  if (operation != kServerHandshake && operation != kClientHandshake) return true;
  const auto payload = std::span<const char>(payload_).first(payload_bytes_);
  if (!names_process(payload, peer_)) return false;
  const auto greeting = checksum(std::as_bytes(payload)) | 1U;
  const auto before = std::exchange(greeting_, greeting);
  return before == 0 || before == greeting;
}

// CAF delivers to any actor that has ever answered a peer, and an actor ends when it is sent CAF's
// own message for that. Who hears the answer to CAF's question (see kAskedByCaf) is made when a
// peer comes, so its number is higher than that of all that this process has published.
bool BaspGuard::reaches_published() const {
  if (limits_.published == 0) return true;
  const auto to = big_endian_u64(header_.data() + 24);
  const bool is_name = (static_cast<std::uint8_t>(header_[3]) & kNamed) != 0;
  return is_name ? to == kAskedByCaf : to >= limits_.published;
}

bool BaspGuard::is_expected(std::uint8_t operation, std::uint32_t payload_bytes) {
  const bool is_notice = payload_bytes > 0 && payload_bytes <= kNoticeBytesMax;
  switch (operation) {
    case kServerHandshake:
      return side_ == Side::kConnecting && greeting_ == 0 && is_notice;
    case kClientHandshake:
      return side_ == Side::kListening && is_notice;
    case kDirectMessage:
      return greeting_ != 0 && payload_bytes > 0 && payload_bytes <= limits_.payload_bytes_max &&
             (static_cast<std::uint8_t>(header_[8]) & kStreamCategory) == 0 && reaches_published();
    case kMonitorMessage:
    case kDownMessage:
      return greeting_ != 0 && is_notice;
    case kHeartbeat:
      return greeting_ != 0 && payload_bytes == 0;
    default:
      return false;
  }
}

}  // namespace minidfs::actors
