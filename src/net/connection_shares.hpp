// Who may stay at a port: a value that a listener asks and obeys. A connection comes as a stranger
// and becomes a member once it has said who it is. Both kinds are bounded, so that no crowd takes
// the descriptors of those who have work; what is closed for a newcomer is the oldest stranger, or
// a member that stands idle, never one with work. Pure: time comes as an argument. Used by one
// thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>

namespace minidfs::net {

class ConnectionShares {
 public:
  // The listener's number of a connection. Later ones have larger numbers.
  using Id = std::uint64_t;
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Limits {
    std::size_t strangers = 1024;  // At least 1.
    std::size_t members = 8192;
    std::size_t reserved = 0;  // Of the members, for peers only.
    // A member idle for so long gives its place to a newcomer when there is no other.
    std::chrono::milliseconds spare_after{10'000};
  };

  // Peers are of the cluster itself; everybody else is a client.
  enum class Kind : std::uint8_t { kClient, kPeer };

  // When a member became idle; TimePoint::max() for one that has work.
  using IdleSince = std::function<TimePoint(Id)>;

  explicit ConnectionShares(const Limits& limits) : limits_(limits) {}

  // A stranger has come. Returns the one that is to be closed for it, which is forgotten already.
  std::optional<Id> come(Id id);
  // The stranger that is to be closed because the process has no descriptors, forgotten already.
  std::optional<Id> give_way();

  struct Entry {
    bool admitted = false;     // If not, there is no room, and it stays a stranger.
    std::optional<Id> leaves;  // The member that is to be closed for it, forgotten already.
  };
  // A stranger has said who it is. REQUIRES: it is one.
  Entry enter(Id id, Kind kind, TimePoint now, const IdleSince& idle_since);

  // The connection has ended; nothing happens when it is not known.
  void leave(Id id);

  std::size_t strangers() const { return strangers_.size(); }
  std::size_t members() const { return members_.size(); }
  const Limits& limits() const { return limits_; }

 private:
  struct Member {
    Kind kind = Kind::kClient;
    std::list<Id>::iterator place;  // In the list of its kind.
  };

  std::list<Id>& of(Kind kind) { return kind == Kind::kPeer ? peers_ : clients_; }
  bool has_room(Kind kind) const;
  std::optional<Id> take_idle(Kind kind, TimePoint now, const IdleSince& idle_since);

  Limits limits_;
  std::set<Id> strangers_;
  std::map<Id, Member> members_;
  // Those that were looked at longest ago come first.
  std::list<Id> clients_;
  std::list<Id> peers_;
};

}  // namespace minidfs::net
