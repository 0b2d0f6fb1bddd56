#include "transfer/outgoing_frames.hpp"

#include "transfer/wire.hpp"

namespace minidfs::transfer {
namespace {

// Data of one frame, which a node writes in one call. Large writes are cheap, as the kernel then
// takes large pieces of memory for its cache; but a node must still find the data in its
// processor's cache when it checks, writes and forwards them, and holds a frame for each of its
// writers.
constexpr std::size_t kPacketBytes = 512 * 1024;
static_assert(kPacketBytes <= kFrameDataMax);

struct Packet {
  std::size_t slices = 0;
  std::size_t bytes = 0;
};

// What of `slices` goes into the next frame: at least one.
Packet packet_of(std::span<const storage::Slice> slices) {
  Packet packet;
  while (packet.slices < slices.size() && packet.slices < kFrameSlicesMax) {
    const std::size_t bytes = packet.bytes + slices[packet.slices].stored_bytes;
    if (packet.slices > 0 && bytes > kPacketBytes) break;
    packet.bytes = bytes;
    ++packet.slices;
  }
  return packet;
}

}  // namespace

void OutgoingFrames::begin(std::string& bytes, std::span<const storage::Slice> slices,
                           std::span<const std::byte> stored) {
  MDFS_ASSERT(done());
  heads_.clear();
  heads_.swap(bytes);
  slices_ = slices;
  stored_ = stored;
  if (!slices_.empty()) return load();
  parts_[0] = {heads_.data(), heads_.size()};
  left_ = std::span(parts_).first(heads_.empty() ? 0 : 1);
}

std::span<iovec>& OutgoingFrames::next() {
  if (left_.empty() && !slices_.empty()) {
    heads_.clear();
    load();
  }
  return left_;
}

void OutgoingFrames::drop() {
  left_ = {};
  slices_ = {};
}

// Up to kFramesMax frames, behind what stands in heads_.
void OutgoingFrames::load() {
  std::array<std::size_t, kFramesMax> ends;
  std::size_t frames = 0;
  for (; frames < kFramesMax && !slices_.empty(); ++frames) {
    const auto packet = packet_of(slices_);
    append_slices_head(heads_, FrameType::kWriteSlices, slices_.first(packet.slices));
    ends[frames] = heads_.size();
    parts_[2 * frames + 1] = {const_cast<std::byte*>(stored_.data()), packet.bytes};
    slices_ = slices_.subspan(packet.slices);
    stored_ = stored_.subspan(packet.bytes);
  }
  std::size_t start = 0;
  for (std::size_t i = 0; i < frames; ++i) {
    parts_[2 * i] = {heads_.data() + start, ends[i] - start};
    start = ends[i];
  }
  left_ = std::span(parts_).first(2 * frames);
}

}  // namespace minidfs::transfer
