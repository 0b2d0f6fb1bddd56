// The actor that serves clients while this namenode leads: answers reads of the namespace from its
// own read-only connection, proposes changes to the log, and passes what concerns blocks as well on
// to the block actor. A read is answered when the log has confirmed that nobody else leads
// (read_line.hpp), or at once, whoever leads, when it may be as old as the state is
// (old_reads.hpp). Detached, because it reads the database; nothing of a datanode goes through it.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "actors/block_actor.hpp"
#include "actors/interface_2.hpp"
#include "actors/interfaces.hpp"
#include "actors/internal_messages.hpp"
#include "actors/read_line.hpp"
#include "base/wall_clock.hpp"
#include "consensus/log.hpp"
#include "metadata/namespace_times.hpp"
#include "storage/namespace/namespace_reader.hpp"

namespace minidfs::actors {

using AskLogAtom = caf::atom_constant<caf::atom("asklog")>;

using NamespaceActor = ServedByNames::extend_with<ServedByBoth, ServedByNames2>::extend<
    // What the process itself sends.
    caf::reacts_to<LogBatch>, caf::reacts_to<SafeModeChanged>, caf::reacts_to<OfficeBegun>,
    caf::reacts_to<OfficeEnded>, caf::reacts_to<ReadConfirmed>, caf::reacts_to<AskLogAtom>,
    caf::reacts_to<TickAtom>>;

// What the wiring hands to the actor. The log outlives the actor.
struct NamespaceActorParts {
  consensus::Log* log = nullptr;
  std::unique_ptr<storage::NamespaceReader> reader;
  BlockActor blocks;
  NamenodeLanes lanes;
  std::chrono::milliseconds tick_interval{250};
  std::function<std::int64_t()> wall_clock = wall_clock_ms;  // Of the times of files.
};

class NamespaceActorState {
 public:
  static inline const char* name = "namespace";

  using Self = NamespaceActor::stateful_base<NamespaceActorState>;

  NamespaceActorState();

  void start(Self* self, NamespaceActorParts parts);

  caf::result<ClientIdReply> client_id();
  // Once they are confirmed.
  caf::result<metadata::FileStatus> stat(StatRequest& request, const Patience& patience);
  caf::result<ListReply> list(ListRequest& request, const Patience& patience);
  caf::result<LocatedFile> locate(LocateRequest& request, const Patience& patience);
  caf::result<LocateDirectoryReply> locate_directory(LocateDirectoryRequest& request,
                                                     const Patience& patience);
  caf::result<CopiesReply> copies(CopiesRequest& request, const Patience& patience);
  caf::result<WriteGrant> allocate(AllocateBlocks& request, const Patience& patience);
  caf::result<metadata::ChangeReply> commit(CommitWrite& request, const Patience& patience);
  caf::result<metadata::ChangeReply> stage(StageWrite& request, const Patience& patience);
  caf::result<metadata::ChangeReply> append(AppendWrite& request, const Patience& patience);
  caf::result<metadata::ChangeReply> decide(DecideNode& request, const Patience& patience);

  // Stamps a change with the time and proposes it; answered when it is applied.
  template <class Change>
  caf::result<metadata::ChangeReply> propose(Change& change) {
    if (safe_mode_.on) return refuse_change(change.request, refuse_in_safe_mode());
    change.time_ms = wall_clock_();
    return propose_change(metadata::Change{std::move(change)});
  }

  void take_batch(LogBatch& batch);
  void begin_office(const OfficeBegun& begun);
  void end_office();
  void take_confirmation(const ReadConfirmed& confirmed);
  void ask_log();
  void take_safe_mode(SafeModeChanged& change) { safe_mode_ = std::move(change); }
  void tick();
  const NamenodeLanes& lanes() const { return lanes_; }
  std::optional<caf::error> refuse(const Patience& patience);
  std::optional<caf::error> refuse_read(const Patience& patience);

 private:
  // A read that waits; called once, with the reason if it is not to be carried out.
  using Read = std::function<void(const caf::error* refusal)>;

  // `serve` gives a Result of what is told.
  template <class Reply, class Serve>
  caf::result<Reply> when_confirmed(const Patience& patience, Serve serve) {
    auto promise = self_->make_response_promise<Reply>();
    confirm(patience, [promise, serve = std::move(serve)](const caf::error* refusal) mutable {
      if (refusal != nullptr) {
        promise.deliver(*refusal);
      } else if (auto result = serve(); result.ok()) {
        promise.deliver(std::move(result).value());
      } else {
        promise.deliver(to_caf(result.error()));
      }
    });
    return promise;
  }
  // `serve` gives a Result of what the block actor is to complete, who answers the asker.
  template <class Reply, class Serve>
  caf::result<Reply> complete_when_confirmed(const Patience& patience, Serve serve) {
    auto promise = self_->make_response_promise<Reply>();
    confirm(patience,
            [this, promise, patience, serve = std::move(serve)](const caf::error* refusal) mutable {
              if (refusal != nullptr) {
                promise.deliver(*refusal);
              } else if (auto request = serve(); !request.ok()) {
                promise.deliver(to_caf(request.error()));
              } else if (!lanes_.blocks->enter()) {
                promise.deliver(to_caf(busy_error()));
              } else {
                promise.delegate(blocks_, patience, std::move(request).value());
              }
            });
    return promise;
  }
  void confirm(const Patience& patience, Read read);
  void ask_log_later();
  void serve_confirmed(std::uint64_t number, const consensus::ReadAnswer& answer);
  metadata::QuorumView quorum() const;

  // Passes a request on, into a lane of the block actor; that one answers the asker itself.
  template <class Reply, class Request>
  caf::result<Reply> pass_on(const Patience& patience, const RequestLanePtr& lane,
                             Request request) {
    if (!lane->enter()) return to_caf(busy_error());
    return self_->delegate(blocks_, patience, std::move(request));
  }
  caf::error refuse_in_safe_mode() const;
  // What was applied before is answered as then, also when nothing new is.
  caf::result<metadata::ChangeReply> refuse_change(const metadata::RequestId& request,
                                                   caf::error why);
  caf::result<metadata::ChangeReply> propose_change(const metadata::Change& change);
  Status check_intended(const IntendedFile& file);

  Self* self_ = nullptr;
  consensus::Log* log_ = nullptr;
  consensus::ChannelId channel_ = 0;
  std::unique_ptr<storage::NamespaceReader> reader_;
  std::function<std::int64_t()> wall_clock_;
  metadata::ClusterClock cluster_clock_;
  BlockActor blocks_;
  NamenodeLanes lanes_;
  std::optional<RequestScreen> screen_;
  std::chrono::milliseconds tick_interval_{};
  SafeModeChanged safe_mode_{true, "the namenode is starting"};
  std::uint64_t office_term_ = 0;  // 0: this namenode does not lead.
  ReadLine<Read> reads_;
  bool answered_within_ = true;  // The log's last answer came within the call.
  bool asks_later_ = false;      // It is asked behind what is in the mailbox.
  absl::flat_hash_map<std::uint64_t, caf::typed_response_promise<metadata::ChangeReply>> proposals_;
  std::uint64_t next_token_ = 1;
};

NamespaceActor::behavior_type namespace_actor(
    NamespaceActor::stateful_pointer<NamespaceActorState> self,
    std::shared_ptr<NamespaceActorParts> parts);

}  // namespace minidfs::actors
