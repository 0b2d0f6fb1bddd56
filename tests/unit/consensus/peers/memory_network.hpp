// Links between logs of one process: what is sent arrives at once, in order, unless the way is cut
// or the sender stands still. Messages can be changed on their way.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "consensus/peer_link.hpp"

namespace minidfs::consensus::test {

class MemoryNetwork {
 public:
  // Of the member that starts it, which speaks that version of the interface. The network must
  // outlive it.
  std::unique_ptr<PeerLink> make_link(InterfaceVersion version);

  // One way; messages are lost, the connection stays.
  void cut(MemberId from, MemberId to);
  void heal();
  // Cuts the member off from all others, in both directions.
  void isolate(MemberId member);
  // Ends the connection of the two; it is made again at once.
  void disconnect(MemberId a, MemberId b);
  // The member's thread stands still as soon as it says anything, as a stopped process does.
  void pause(MemberId member);
  void resume(MemberId member);
  // Told of each message before it arrives; false: it is lost.
  void set_filter(std::function<bool(MemberId from, MemberId to, const std::string&)> filter);

 private:
  class Link;
  using Pair = std::pair<MemberId, MemberId>;

  void join(Link& link);
  void leave(Link& link);
  void send(MemberId from, MemberId to, std::string bytes);
  void connect_all();
  void end(const Pair& pair);

  std::mutex mutex_;
  std::condition_variable resumed_;
  std::map<MemberId, Link*> links_;
  std::map<Pair, ConnectionEpoch> connections_;  // Smaller id first.
  ConnectionEpoch last_epoch_ = 0;
  std::set<Pair> cuts_;
  std::set<MemberId> isolated_;
  std::set<MemberId> paused_;
  std::function<bool(MemberId, MemberId, const std::string&)> filter_;
};

}  // namespace minidfs::consensus::test
