#include "client/http_nodes.hpp"

#include <utility>

namespace minidfs::client {

HttpNodes::Known HttpNodes::look(TimePoint now) {
  const std::lock_guard lock(mutex_);
  const auto age = now - known_at_;
  if (!nodes_ || age >= kUsable) return {nullptr, true};
  if (age < kFresh || asking_) return {nodes_, false};
  asking_ = true;
  return {nodes_, true};
}

HttpNodes::List HttpNodes::note(Result<actors::HttpNodesReply> reply, TimePoint now) {
  auto nodes = std::make_shared<std::vector<actors::HttpNode>>();
  if (reply.ok()) *nodes = std::move(reply->nodes);
  const std::lock_guard lock(mutex_);
  nodes_ = std::move(nodes);
  known_at_ = now;
  asking_ = false;
  return nodes_;
}

}  // namespace minidfs::client
