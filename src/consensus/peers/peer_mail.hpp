// What the link has for the log, until the log's thread takes it. Bounded: of what does not fit
// messages are dropped, which the core takes for loss, and never news of connections.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "consensus/peer_link.hpp"

namespace minidfs::consensus {

class PeerMail final : public PeerInbox {
 public:
  struct Connected {
    MemberId peer = 0;
    ConnectionEpoch epoch = 0;
    InterfaceVersion version = 0;
  };
  struct Received {
    MemberId peer = 0;
    ConnectionEpoch epoch = 0;
    std::string bytes;
  };
  struct Disconnected {
    MemberId peer = 0;
    ConnectionEpoch epoch = 0;
  };
  using Item = std::variant<Connected, Received, Disconnected>;

  // `arrived` is told when there is something to take, by the thread that brings it.
  explicit PeerMail(std::function<void()> arrived, std::size_t bytes_max = 64 << 20)
      : arrived_(std::move(arrived)), bytes_max_(bytes_max) {}

  void connected(MemberId peer, ConnectionEpoch epoch, InterfaceVersion version) override {
    add(Connected{peer, epoch, version});
  }
  void received(MemberId peer, ConnectionEpoch epoch, std::string bytes) override {
    add(Received{peer, epoch, std::move(bytes)});
  }
  void disconnected(MemberId peer, ConnectionEpoch epoch) override {
    add(Disconnected{peer, epoch});
  }

  // All, in the order in which they came.
  std::vector<Item> take();

 private:
  void add(Item item);

  const std::function<void()> arrived_;
  const std::size_t bytes_max_;
  std::mutex mutex_;
  std::vector<Item> items_;
  std::size_t bytes_ = 0;
};

}  // namespace minidfs::consensus
