#include "metadata/namespace_replies.hpp"

#include <algorithm>

#include "base/codec.hpp"

namespace minidfs::metadata {
namespace {

constexpr std::size_t kReplyOverheadBytes = 64;

template <class Replies>
auto position(Replies& replies, std::uint64_t sequence) {
  return std::lower_bound(
      replies.begin(), replies.end(), sequence,
      [](const auto& reply, std::uint64_t wanted) { return reply.sequence < wanted; });
}

}  // namespace

ReplyWindow::Lookup ReplyWindow::find(std::uint64_t sequence) const {
  if (sequence < floor_) return {Seen::kForgotten, {}};
  const auto at = position(replies_, sequence);
  if (at == replies_.end() || at->sequence != sequence) return {};
  return {Seen::kAnswered, at->bytes};
}

void ReplyWindow::acknowledge_below(std::uint64_t sequence) {
  while (!replies_.empty() && replies_.front().sequence < sequence) drop_front();
  floor_ = std::max(floor_, sequence);
}

void ReplyWindow::add(std::uint64_t sequence, std::string_view reply) {
  replies_.insert(position(replies_, sequence), Reply{sequence, std::string(reply)});
  memory_bytes_ += reply.size() + kReplyOverheadBytes;
  if (replies_.size() > kRepliesPerClient) drop_front();
}

void ReplyWindow::drop_front() {
  floor_ = std::max(floor_, replies_.front().sequence + 1);
  memory_bytes_ -= replies_.front().bytes.size() + kReplyOverheadBytes;
  replies_.pop_front();
}

std::string ReplyWindow::encode() const {
  std::string out;
  Encoder encoder(out);
  encoder.put(floor_);
  encoder.put(static_cast<std::uint32_t>(replies_.size()));
  for (const Reply& reply : replies_) {
    encoder.put(reply.sequence);
    encoder.put(reply.bytes);
  }
  return out;
}

Result<ReplyWindow> ReplyWindow::decode(std::string_view bytes) {
  const Error corrupt{Errc::kCorrupt, "kept replies of a client: " + std::to_string(bytes.size()) +
                                          " bytes that do not decode"};
  ReplyWindow window;
  Decoder decoder(bytes);
  std::uint32_t count = 0;
  if (!decoder.get(window.floor_) || !decoder.get(count) || count > kRepliesPerClient) {
    return corrupt;
  }
  std::uint64_t next = window.floor_;
  for (std::uint32_t i = 0; i < count; ++i) {
    Reply reply;
    if (!decoder.get(reply.sequence) || !decoder.get(reply.bytes) || reply.sequence < next) {
      return corrupt;
    }
    next = reply.sequence + 1;
    window.memory_bytes_ += reply.bytes.size() + kReplyOverheadBytes;
    window.replies_.push_back(std::move(reply));
  }
  if (!decoder.rest().empty()) return corrupt;
  return window;
}

}  // namespace minidfs::metadata
