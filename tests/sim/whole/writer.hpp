// A client of the simulator that puts, removes and sets copies, one thing after the other, as the
// client library does: sessions, renewals, pipelines, and requests that keep their number while
// they are asked again. It may be suspended for as long as one likes.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/client_messages.hpp"
#include "client/write/write_policy.hpp"
#include "sim/whole/asking_link.hpp"
#include "sim/whole/disk.hpp"
#include "sim/whole/ledger.hpp"
#include "sim/whole/pipeline.hpp"
#include "sim/whole/process.hpp"

namespace minidfs::sim {

struct Cluster;

class SimWriter {
 public:
  SimWriter(Cluster& cluster, Place place);

  Place place() const { return place_; }
  Process& process() { return process_; }
  void start();
  // Of all its files, to each of these in turn: the next thing that it does.
  void set_copies_of_all_soon(std::deque<std::uint8_t> copies) { copies_ = std::move(copies); }
  // A part of a file is written, and nothing under way.
  bool between_blocks() const {
    return put_ != nullptr && put_->writing == nullptr && !put_->written.empty() &&
           put_->blocks_left > 0;
  }
  // Of the file that is being put, without those staged: nobody owns them yet.
  std::vector<metadata::Block> written_blocks() const;
  // Begins nothing new.
  void leave_off() { leaves_off_ = true; }
  bool idle() const { return idle_; }
  std::uint64_t done() const { return done_; }
  // Of the block that is being written; nullptr without one.
  const Sender* sending() const {
    return put_ != nullptr && put_->writing != nullptr ? put_->writing->sending.get() : nullptr;
  }

 private:
  static constexpr std::uint64_t kBlockSize = 1 << 20;
  static constexpr milliseconds kBlockPatience{5000};
  static constexpr std::uint64_t kOwnPaths = 6;

  struct WrittenReplicas {
    metadata::Block block;
    Content content = 0;
    std::vector<NodeId> nodes;
  };
  struct BlockToWrite {
    std::uint64_t length = 0;
    WrittenReplicas best;     // Of all tries.
    std::size_t targets = 1;  // Of that one.

    bool complete() const { return best.nodes.size() >= targets; }
  };
  // One block, or some in one pipeline, in as many tries as it takes.
  struct BlockWriting {
    client::WritePolicy policy{1, kBlockPatience};
    std::uint64_t epoch = 0;  // Of the command that is being obeyed.
    bool asking = false;      // The namenode, for a pipeline.
    std::deque<client::WriteEvent> happened;
    std::vector<BlockToWrite> blocks;
    actors::PipelineGrant grant;                     // The last one.
    std::vector<metadata::ReplicaLocation> targets;  // Of what is being sent.
    std::shared_ptr<Sender> sending;
    bool reused = false;  // Its connection had stood idle.

    std::vector<BlockToWrite*> pending();
    std::uint64_t pending_bytes() const;
  };
  struct Put {
    std::vector<std::string> paths;  // Several are those of small files, of a block each.
    bool overwrite = false;
    std::uint8_t copies = 1;
    std::uint64_t blocks_left = 1;
    bool repeatable = true;  // Else what was sent is not kept, as of a long stream.
    ClientId client;         // Whose session it is.
    std::uint64_t session = 0;
    bool over = false;
    std::vector<BlockId> granted;
    std::vector<NodeId> excluded;
    std::vector<WrittenReplicas> written;
    bool stages = false;                    // What was written, every now and then.
    std::size_t staged = 0;                 // Of those written.
    std::shared_ptr<BlockWriting> writing;  // The present blocks.
    std::shared_ptr<Sender> idle;           // The connection of those before, if it may go on.

    std::size_t file_of(std::size_t block) const { return paths.size() > 1 ? block : 0; }
  };
  using WritingPtr = std::shared_ptr<BlockWriting>;
  using PutPtr = std::shared_ptr<Put>;

  void next();
  void finished();
  void ask_client();
  void ask_change(AskingLink::Request<metadata::ChangeReply> request,
                  Respond<metadata::ChangeReply> answered);
  std::string some_path();
  std::string own_path(std::uint64_t i) const;
  metadata::RequestId next_request();
  void remove();
  void set_copies();
  void set_copies_from(std::uint64_t i, std::uint8_t copies);
  void set_copies_of(std::string path, std::uint8_t copies, std::function<void()> then);

  void put();
  void next_blocks(const PutPtr& put);
  void happened(const PutPtr& put, const WritingPtr& writing, const client::WriteEvent& event);
  void take_events(const PutPtr& put, const WritingPtr& writing);
  void obey(const PutPtr& put, const WritingPtr& writing, const client::WriteCommand& command);
  void ask_pipeline(const PutPtr& put, const WritingPtr& writing);
  void send_blocks(const PutPtr& put, const WritingPtr& writing, bool fresh);
  std::shared_ptr<Sender> connect(const PutPtr& put, const WritingPtr& writing, bool fresh);
  void send_piece_later(const PutPtr& put, const std::shared_ptr<Sender>& sender);
  void nodes_lost(const PutPtr& put, const WritingPtr& writing, const Stored& left);
  void avoid_first_lost(const PutPtr& put, const WritingPtr& writing, const Stored& stored);
  void try_ended(const PutPtr& put, const WritingPtr& writing,
                 const std::vector<WrittenReplicas>& tried, const std::vector<Stored>& stored);
  void blocks_written(const PutPtr& put, const WritingPtr& writing);
  void stage(const PutPtr& put);
  actors::CommitWrite commit_of(const Put& put);
  std::vector<Operation> record_commit(const Put& put, const metadata::RequestId& request);
  void commit(const PutPtr& put);
  bool answered(const std::vector<Operation>& operations,
                const Result<metadata::ChangeReply>& reply);
  void end(const PutPtr& put, bool committed);
  void renew_later(const PutPtr& put, milliseconds within);
  std::vector<metadata::BlockRange> ranges(const Put& put) const;

  Cluster& cluster_;
  Place place_;
  Process process_;
  AskingLink link_;
  ClientId client_;  // None: to be asked for.
  std::uint64_t last_sequence_ = 0;
  std::uint64_t files_ = 0;
  std::uint64_t done_ = 0;
  bool leaves_off_ = false;
  bool idle_ = false;
  std::deque<std::uint8_t> copies_;  // To be set of all files.
  PutPtr put_;
};

}  // namespace minidfs::sim
