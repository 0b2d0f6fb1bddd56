// Where one writer gets pipelines from, and where it brings what it has stored: its dealings with
// the namenode (see also session_state.hpp) and the connections to the datanodes that this names.
//
// Thread-safe. Destroying it ends the session: blocks that were not committed are given up. Once
// the session is over (SessionState) every call gives kExpired. What waits for the namenode has two
// forms: one that calls back, perhaps on another thread, and one that blocks.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "transfer/block_pipeline.hpp"
// The above comes first: see net/asio.hpp.
#include "actors/messages.hpp"
#include "base/result.hpp"
#include "client/client_context.hpp"
#include "client/write/session_state.hpp"

namespace minidfs::client {

// What a pipeline is asked for; the session adds who asks and which nodes failed.
struct PipelineDemand {
  std::vector<actors::IntendedFile> files;  // Checked by the namenode before anything is sent.
  std::uint32_t blocks = 1;                 // That go through the pipeline one after another.
  std::uint64_t block_size = 0;
  std::uint8_t replication = 0;
};

// Blocks to be stored, the datanodes that shall do so, and what they go through.
struct Pipeline {
  std::vector<BlockId> blocks;
  std::uint64_t generation = 0;
  std::vector<metadata::ReplicaLocation> targets;       // At least one.
  std::unique_ptr<transfer::BlockPipeline> connection;  // None before connect().
  bool reused = false;  // It stood idle, so its datanode may have gone without our noticing.
};

// A block that is stored, and on which nodes.
struct StoredBlock {
  metadata::Block block{};
  std::vector<NodeId> nodes{};
};

// A file all of whose blocks are stored or staged.
struct FinishedFile {
  metadata::CommittedFile file;  // Without its blocks.
  metadata::FileTimes times{};
  std::vector<StoredBlock> blocks{};  // Behind the staged ones.
};

// A file that exists, to which is added.
struct GrowingFile {
  std::string path;          // Where it was,
  InodeId id{};              // and which one it is.
  std::uint64_t length = 0;  // As far as is known.
};

class WriteSession {
 public:
  explicit WriteSession(ClientContext& context);
  // Waits for the answers to what was asked for (two time-outs of the link at most: a request that
  // does without slow nodes may be repeated), and until what is no file's is given up (2 s at
  // most). Not to be destroyed on a loop that must not block, but for that there is end().
  ~WriteSession();
  // Does without blocking what the destructor does, and calls `ended` where that would return,
  // unless the link ends before.
  static void end(std::unique_ptr<WriteSession> session, std::function<void()> ended);
  WriteSession(const WriteSession&) = delete;
  WriteSession& operator=(const WriteSession&) = delete;

  // About `count` pipelines will be wanted, by this demand. next_pipeline() then asks for `ahead`
  // of them at a time, while the blocks of those before are on their way. REQUIRES: not called yet.
  void expect_pipelines(PipelineDemand demand, std::uint64_t count, std::uint32_t ahead);
  // One of these. REQUIRES: not more often than expected.
  using PipelineCallback = std::function<void(Result<Pipeline>)>;
  void next_pipeline(PipelineCallback callback);
  Result<Pipeline> next_pipeline();
  // Another one, for which the namenode is asked now. Neither has a node that failed by the time of
  // the namenode's answer, as long as there are others.
  void request_pipeline(const PipelineDemand& demand, PipelineCallback callback);
  Result<Pipeline> request_pipeline(const PipelineDemand& demand);

  // Over an idle connection, unless `fresh`, or a new one, on the loop of the caller. Errors are
  // those of BlockPipeline::open() and mean that the first target is lost.
  asio::awaitable<Status> connect(const asio::any_io_executor& executor, Pipeline& pipeline,
                                  bool fresh);
  // Its connection may serve others. REQUIRES: every block was ended and acknowledged, no call of
  // it has failed, no target was lost.
  void give_back(Pipeline pipeline);

  // No idle connection leads through a lost target any more. The one that is to blame gets no
  // further block of this writer, nor for a while of others of the same client.
  void note_lost(const metadata::ReplicaLocation& target, bool to_blame);
  bool avoids_nodes() const;
  // Gives all nodes another chance, when there is no other left.
  void forgive_nodes();

  Status alive() const { return state_->alive(); }
  ClientContext& context() const { return context_; }

  // Hands over the next blocks of a file that has more than fit in one commit; `part` says where
  // they belong, and the session the rest.
  using StageCallback = std::function<void(Status)>;
  void stage(metadata::StageBlocks part, std::vector<StoredBlock> blocks, StageCallback callback);
  Status stage(metadata::StageBlocks part, std::vector<StoredBlock> blocks);
  // Adds blocks to the end of a file, wherever that is by now. Gives, or `file` gets, the new
  // length.
  using GrowCallback = std::function<void(Result<std::uint64_t>)>;
  void append(const GrowingFile& file, std::vector<StoredBlock> blocks, GrowCallback callback);
  Status append(GrowingFile& file, std::vector<StoredBlock> blocks);
  // Makes files visible; outcome i belongs to file i. Fails as a whole when the namenode cannot be
  // asked. `staged` is how many blocks of the one file have been staged.
  using Outcomes = Result<std::vector<metadata::Outcome>>;
  using CommitCallback = std::function<void(Outcomes)>;
  void commit(std::vector<FinishedFile> files, std::uint64_t staged, CommitCallback callback);
  Outcomes commit(std::vector<FinishedFile> files, std::uint64_t staged = 0);

 private:
  using Granted = Result<std::vector<actors::PipelineGrant>>;
  using GrantedCallback = std::function<void(Granted)>;
  // Pipelines that are asked for before they are wanted.
  struct Supply {
    PipelineDemand demand;
    std::uint32_t ahead = 1;
    std::uint64_t left = 0;   // Not asked for yet.
    std::uint32_t asked = 0;  // On their way; one request at a time.
    std::deque<actors::PipelineGrant> here;
    std::deque<PipelineCallback> wanted;  // Not answered yet.
  };

  struct Growth;

  void serve();
  void drop_failed();
  void refill(std::uint32_t pipelines);
  void take_supply(Granted granted);
  void ask(const PipelineDemand& demand, std::uint32_t pipelines, GrantedCallback callback);
  void answer(const GrantedCallback& callback, Granted granted);
  void note_asked();
  void note_answered();
  void ask_to_grow(const std::shared_ptr<Growth>& growth);
  void grown(const std::shared_ptr<Growth>& growth, const Outcomes& outcomes);
  Status note_staged(const std::vector<metadata::BlockRange>& blocks, const Outcomes& outcomes);
  actors::AllocateBlocks request_of(const PipelineDemand& demand, std::uint32_t pipelines) const;
  bool avoids(NodeId node) const;
  Granted without_failed(Granted granted, const std::vector<NodeId>& excluded) const;

  ClientContext& context_;
  const std::shared_ptr<SessionState> state_;
  mutable std::mutex mutex_;
  std::condition_variable answered_;  // A request was.
  std::size_t unanswered_ = 0;
  std::function<void()> when_answered_;  // All of them; called once.
  Supply supply_;
  std::vector<NodeId> failed_;  // Nodes that failed this writer.
};

}  // namespace minidfs::client
