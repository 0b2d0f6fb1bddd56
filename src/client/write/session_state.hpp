// What the namenode holds for one writer, as its write session: the blocks that it granted and that
// are no file's yet. Renewed in the background from the first grant on, until it is ended.
//
// Thread-safe. A session that the namenode calls expired is over for good: its blocks may be
// deleted already, so nothing of it is ever committed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "actors/messages.hpp"
#include "base/result.hpp"
#include "client/client_context.hpp"

namespace minidfs::client {

class SessionState : public std::enable_shared_from_this<SessionState> {
 public:
  // One of the context's open sessions, until it is destroyed.
  static std::shared_ptr<SessionState> begin(ClientContext& context);

  // 0 until the first grant.
  std::uint64_t id() const;
  // kExpired when it is over; what is still being sent is of no use.
  Status alive() const;

  // Enters what was granted, if it was.
  Result<std::vector<actors::PipelineGrant>> enter(Result<actors::WriteGrant> grant);
  // These blocks belong to the staged file of the session.
  void note_staged(std::span<const metadata::BlockRange> blocks);
  // These belong to a file; with `staged` those that were staged as well.
  void note_committed(std::span<const BlockId> blocks, bool staged);

  // Once. Gives up what is no file's, and then waits a while until the namenode has done so: that
  // is how whoever failed leaves nothing behind. (Sessions of a namenode that is gone expire.)
  void end();
  // The same without waiting; calls `ended`, if there is any, where that would return.
  void end(const std::function<void()>& ended);

 private:
  friend void end_all_sessions(ClientContext& context, std::chrono::milliseconds within);

  explicit SessionState(NamenodeLink& link) : link_(link) {}
  struct End {
    actors::EndSession request;
    bool gives_up = false;  // Anything.
  };
  std::optional<End> take_end();
  std::vector<metadata::BlockRange> open_ranges() const;
  void cancel();
  void renew_later();
  void renew();

  NamenodeLink& link_;
  mutable std::mutex mutex_;
  std::uint64_t id_ = 0;
  std::chrono::milliseconds renew_interval_{0};
  bool ended_ = false;
  std::optional<Error> over_;  // Why it is over.
  std::set<BlockId> open_;     // Granted, neither staged nor committed.
  bool staged_ = false;        // Blocks are staged, in a file that has no name yet.
};

// Ends all sessions of a client that is about to end, and lets no further one begin. Waits at most
// `within` for the namenode.
void end_all_sessions(ClientContext& context, std::chrono::milliseconds within);

// Ids as few ranges, in their order. Pure.
std::vector<metadata::BlockRange> ranges_of(std::span<const BlockId> blocks);

}  // namespace minidfs::client
