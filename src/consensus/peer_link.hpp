// How members of a cluster reach one another: messages in bytes, over connections that come and go.
// The log speaks through a PeerLink, and hears through the PeerInbox that it gives to it. What the
// bytes say is the log's affair; which socket carries them, and who is admitted, the link's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/interface_version.hpp"
#include "consensus/quorum.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

inline constexpr std::size_t kPeerMessageMaxBytes = kPayloadMaxBytes + 2048;

// Numbers the connections of a link, ascending, whoever is at the other end; never 0.
using ConnectionEpoch = std::uint64_t;

// The log's end. Thread-safe; nothing blocks for longer than a mutex.
class PeerInbox {
 public:
  virtual ~PeerInbox() = default;

  // A connection to or from `peer`, which is admitted as that member of this cluster (whether or
  // not the log has it as one). It takes the place of the one before, if any.
  // `version`: of the interface, the newest that the peer speaks; a message of a newer one must not
  // be sent to it.
  virtual void connected(MemberId peer, ConnectionEpoch epoch, InterfaceVersion version) = 0;
  // Whole messages, in the order in which they were sent over this connection, each at most once.
  // Those of a connection that has ended are dropped, and those for which there is no room.
  virtual void received(MemberId peer, ConnectionEpoch epoch, std::string bytes) = 0;
  virtual void disconnected(MemberId peer, ConnectionEpoch epoch) = 0;
};

// The network's end. Thread-safe; nothing blocks for longer than a mutex.
class PeerLink {
 public:
  virtual ~PeerLink() = default;

  // From here on the inbox is called, until stop() has returned. Each once; `self` is this member.
  virtual void start(MemberId self, PeerInbox& inbox) = 0;
  // Ends all connections. Not to be called by a thread that calls the inbox.
  virtual void stop() = 0;

  // All other members that are known, with their addresses: connections to them are to be held, and
  // made again when they end. Others are ended. Takes the place of what was said before.
  virtual void reach(std::vector<MemberAddress> members) = 0;
  // Hands one message over, of at most kPeerMessageMaxBytes. Dropped when there is no connection to
  // `to`, and when too much waits for one that does not read: then that connection ends, too.
  virtual void send(MemberId to, std::string bytes) = 0;
};

}  // namespace minidfs::consensus
