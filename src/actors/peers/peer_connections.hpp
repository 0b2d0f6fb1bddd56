// The connections to the other members, as the threads share them that make, use and end them: the
// listener's and the diallers', CAF's multiplexer's, and the log's. Thread-safe; waits for nothing
// but next(). Calls the inbox under its mutex, so that nothing comes out of order, or after end().
#pragma once

#include <atomic>
#include <caf/actor_control_block.hpp>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "actors/admission_format.hpp"
#include "actors/connection_registry.hpp"
#include "actors/peers/peer_table.hpp"
#include "consensus/peer_link.hpp"

namespace minidfs::actors {

class PeerConnections final : public std::enable_shared_from_this<PeerConnections> {
 public:
  using MemberId = consensus::MemberId;

  // `local`: the process that the members know; `registry`: of its sockets, of both directions.
  PeerConnections(ProcessId local, std::shared_ptr<ConnectionRegistry> registry,
                  PeerTable::Times times)
      : local_(local), registry_(std::move(registry)), times_(times) {}

  void begin(MemberId self, consensus::PeerInbox& inbox);
  // The inbox is called no more.
  void end();

  // Whom the listener asks about one who says this; see MemberDoor.
  Status judge(const Hello& hello);
  Status claim(const Hello& hello);

  // Those that nobody dials yet.
  std::vector<MemberId> reach(const std::vector<consensus::MemberAddress>& members);
  // Of what waits to be written out for one member; more ends its connection.
  static constexpr std::size_t kUnsentMax = 64 << 20;
  // How a message of so many bytes gets to the member; none when it is not connected, or has been
  // cut now because too much waits for it. `unsent` is to be held until the message is written out.
  struct Way {
    caf::strong_actor_ptr peer;
    std::shared_ptr<const void> unsent;
  };
  std::optional<Way> way_to(MemberId member, std::size_t bytes);

  // What came from the actor of another process; whatever is the first greets.
  void greeted(const caf::strong_actor_ptr& from);
  void arrived(const caf::strong_actor_ptr& from, std::string bytes);
  void told(const caf::strong_actor_ptr& from, const std::vector<PeerSight>& sights);

  // --- For the one who dials a member ----------------------------------------------------------

  struct Task {
    bool remind = false;  // Say that this one lives, and whom it sees; else dial.
    std::string address;
    std::vector<PeerSight> sights;
  };
  // Blocks until there is something to do; none at the end.
  std::optional<Task> next(MemberId member);
  MemberId self() const;
  // Before the last word of the handshake. None when it must not be said: another connection is
  // there, or one that is gone still has its socket.
  std::optional<ConnectionRegistry::Slot> confirm(MemberId member, ProcessId process, int fd);
  // True when the connection counts, and is open now. `version`: that the member speaks.
  bool dialled(MemberId member, ProcessId process, InterfaceVersion version,
               const caf::strong_actor_ptr& handle);
  void failed(MemberId member, ProcessId process);

 private:
  using Clock = std::chrono::steady_clock;

  void watch(const caf::strong_actor_ptr& handle, const PeerTable::Open& connection);
  void ended(const PeerTable::Open& connection);
  void cut(ProcessId process) { registry_->cut(Link{local_, process}); }

  const ProcessId local_;
  const std::shared_ptr<ConnectionRegistry> registry_;
  const PeerTable::Times times_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  consensus::PeerInbox* inbox_ = nullptr;
  std::optional<PeerTable> table_;
  struct Handle {
    caf::strong_actor_ptr peer;
    ProcessId process;
    std::shared_ptr<std::atomic<std::size_t>> unsent =
        std::make_shared<std::atomic<std::size_t>>(0);
  };
  std::map<MemberId, Handle> handles_;
  std::map<MemberId, InterfaceVersion> coming_;  // What those speak that have yet to greet.
  std::vector<MemberId> dialled_for_;            // Members that somebody dials.
};

}  // namespace minidfs::actors
