// A fake cluster whose datanodes can hang, and what its tests write and read.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "unit/client/fake_cluster.hpp"
#include "unit/client/freezing_relay.hpp"

namespace minidfs::client {

using std::chrono::milliseconds;

inline std::string content_of(std::size_t size, unsigned seed = 1) {
  std::string content(size, '\0');
  for (auto& byte : content) byte = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
  return content;
}

// Told how far it was read, before the next bytes are given.
class TextSource final : public Source {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (before_read) before_read(position_);
    const auto count = std::min(buffer.size(), text_.size() - position_);
    std::memcpy(buffer.data(), text_.data() + position_, count);
    position_ += count;
    return count;
  }

  std::function<void(std::size_t)> before_read;

 private:
  std::string text_;
  std::size_t position_ = 0;
};

// Time-outs that a test can wait for.
inline Options impatient() {
  Options options;
  options.block_size = 1 << 20;
  options.timeout = milliseconds(5000);
  options.progress_timeout = milliseconds(600);
  options.hedge_after = milliseconds(100);
  return options;
}

// Nodes that are each behind a relay that can hang.
struct HangingCluster {
  // `node_patience`: how long a datanode waits for the next one.
  explicit HangingCluster(std::size_t nodes, const Options& options = impatient(),
                          milliseconds node_patience = milliseconds(500))
      : cluster(nodes, options, node_patience) {
    for (std::size_t i = 0; i < nodes; ++i) {
      auto& place = cluster.names->nodes[i].data;
      relays.push_back(std::make_unique<FreezingRelay>(place.port));
      place = relays.back()->address();
    }
  }

  // The relay of a node.
  FreezingRelay& relay_of(NodeId node) {
    for (std::size_t i = 0; i < relays.size(); ++i) {
      if (cluster.datanodes[i]->location().node == node) return *relays[i];
    }
    FAIL("no such node");
    return *relays[0];
  }
  // The nodes of the pipeline that the namenode gives out first, in order. The fake begins with the
  // second node.
  NodeId target(std::size_t place) const {
    return cluster.datanodes[(place + 1) % cluster.datanodes.size()]->location().node;
  }

  std::vector<std::unique_ptr<FreezingRelay>> relays;
  FakeCluster cluster;
};

inline std::string read_all(FileSystem& files, const std::string& path) {
  std::string content;
  auto status =
      files.read_file(path, 0, UINT64_MAX,
                      [&](std::span<const std::byte> bytes) {
                        content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                        return Status();
                      },
                      {});
  if (!status.ok()) FAIL(status.error().message);
  return content;
}

inline std::size_t copies_of(FakeCluster& cluster, const std::string& path) {
  const std::lock_guard lock(cluster.names->mutex);
  std::size_t fewest = SIZE_MAX;
  for (const auto& block : cluster.names->files[path].blocks) {
    fewest = std::min(fewest, block.locations.size());
  }
  return fewest;
}

}  // namespace minidfs::client
