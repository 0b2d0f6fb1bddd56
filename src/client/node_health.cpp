#include "client/node_health.hpp"

#include <algorithm>
#include <limits>

namespace minidfs::client {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

std::vector<NodeId> PaceBook::note(std::span<const NodeId> pipeline, std::uint64_t bytes,
                                   std::chrono::nanoseconds duration, TimePoint now) {
  if (bytes < kBytesMin) return {};
  const double mebibytes = static_cast<double>(bytes) / (1 << 20);
  const Sample sample{now, std::chrono::duration<double>(duration).count() / mebibytes, duration};
  for (const auto node : pipeline) {
    auto& samples = samples_[node];
    samples.push_back(sample);
    if (samples.size() > kSamples) samples.pop_front();
  }
  double quickest = std::numeric_limits<double>::infinity();
  for (auto at = samples_.begin(); at != samples_.end();) {
    std::erase_if(at->second, [&](const Sample& old) { return now - old.at > kSampleLife; });
    for (const auto& each : at->second) quickest = std::min(quickest, each.seconds_per_mib);
    at = at->second.empty() ? samples_.erase(at) : std::next(at);
  }
  std::vector<NodeId> slow;
  for (const auto& [node, samples] : samples_) {
    const bool held_up = std::all_of(samples.begin(), samples.end(), [&](const Sample& each) {
      return each.duration >= kHeldUpMin && each.seconds_per_mib > kFactor * quickest;
    });
    if (samples.size() == kSamples && held_up) slow.push_back(node);
  }
  return slow;
}

void NodeHealth::note_failed(NodeId node) {
  const std::lock_guard lock(mutex_);
  failed_[node] = Clock::now() + kFailedFor;
}

void NodeHealth::note_slow(NodeId node) {
  const std::lock_guard lock(mutex_);
  slow_[node] = Clock::now() + kSlowFor;
}

void NodeHealth::note_block(std::span<const NodeId> pipeline, std::uint64_t bytes,
                            std::chrono::nanoseconds duration) {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  for (const auto node : pace_.note(pipeline, bytes, duration, now)) slow_[node] = now + kSlowFor;
}

void NodeHealth::forgive() {
  const std::lock_guard lock(mutex_);
  failed_.clear();
}

bool NodeHealth::holds(const Until& nodes, NodeId node) {
  const auto found = nodes.find(node);
  return found != nodes.end() && Clock::now() < found->second;
}

std::vector<NodeId> NodeHealth::present(const Until& nodes) {
  std::vector<NodeId> ids;
  const auto now = Clock::now();
  for (const auto& [node, until] : nodes) {
    if (now < until) ids.push_back(node);
  }
  return ids;
}

bool NodeHealth::has_failed(NodeId node) const {
  const std::lock_guard lock(mutex_);
  return holds(failed_, node);
}

bool NodeHealth::is_suspect(NodeId node) const {
  const std::lock_guard lock(mutex_);
  return holds(failed_, node) || holds(slow_, node);
}

std::vector<NodeId> NodeHealth::failed() const {
  const std::lock_guard lock(mutex_);
  return present(failed_);
}

std::vector<NodeId> NodeHealth::slow() const {
  const std::lock_guard lock(mutex_);
  return present(slow_);
}

}  // namespace minidfs::client
