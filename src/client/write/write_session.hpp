// One writer's dealings with the namenode: block ids and pipelines, nodes that failed it, the
// session that protects its unfinished blocks (renewed in the background), the commit, the end.
//
// Thread-safe. Destroying it ends the session: blocks that were not committed are given up. A
// session that the namenode calls expired is over for good: its blocks may be deleted already, so
// every further call returns kExpired and nothing of it is ever committed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "actors/messages.hpp"
#include "base/result.hpp"
#include "client/client_context.hpp"

namespace minidfs::client {

// What to ask for; the session adds who asks and which nodes failed.
struct BlockDemand {
  std::vector<actors::IntendedFile> files;  // Only of the first demand.
  std::uint32_t pipelines = 1;
  std::uint32_t blocks_per_pipeline = 1;
  std::uint64_t block_size = 0;
  std::uint8_t replication = 0;
};

class WriteSession {
 public:
  explicit WriteSession(ClientContext& context);
  ~WriteSession();
  WriteSession(const WriteSession&) = delete;
  WriteSession& operator=(const WriteSession&) = delete;

  using GrantCallback = std::function<void(Result<std::vector<actors::PipelineGrant>>)>;

  Result<std::vector<actors::PipelineGrant>> allocate(const BlockDemand& demand);
  // The callback runs on the link's thread, while the session exists.
  void allocate(const BlockDemand& demand, GrantCallback callback);

  // kExpired when the session is over; what is still being sent is of no use.
  Status alive() const;

  // The node gets no further block of this writer, nor for a while of others of the same client.
  void exclude(NodeId node);
  bool is_excluded(NodeId node) const;
  bool excludes_any() const;
  // Gives all nodes another chance, when there is no other left.
  void forget_exclusions();

  // Hands over the next blocks of a file that has more than fit in one commit. The session fills in
  // who asks.
  Status stage(actors::StageWrite request);

  // Makes files visible; outcome i belongs to file i. Fails as a whole when the namenode cannot be
  // asked. `staged` is how many blocks of the one file have been staged.
  Result<std::vector<metadata::Outcome>> commit(std::vector<metadata::CommittedFile> files,
                                                std::vector<actors::WrittenBlock> written,
                                                std::uint64_t staged = 0);

 private:
  using State = SessionState;
  static void renew_later(const std::shared_ptr<State>& state);
  static void renew(const std::shared_ptr<State>& state);
  static Result<std::vector<actors::PipelineGrant>> accept(const std::shared_ptr<State>& state,
                                                           Result<actors::WriteGrant> grant);
  actors::AllocateBlocks request_of(const BlockDemand& demand, bool with_slow) const;

  ClientContext& context_;
  std::shared_ptr<State> state_;
};

// Ends all sessions of a client that is about to end, and lets no further one begin. Waits at most
// `within` for the namenode.
void end_all_sessions(ClientContext& context, std::chrono::milliseconds within);

// Sorted ids as few ranges. Pure.
std::vector<metadata::BlockRange> ranges_of(std::span<const BlockId> sorted);

}  // namespace minidfs::client
