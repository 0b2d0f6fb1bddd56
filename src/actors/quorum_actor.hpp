// The actor that knows who leads. It tells whoever asks, and takes the leadership over when the log
// says that it is this namenode's, as metadata::Takeover decides: then the actors that serve are
// told to begin, and to end when it is lost. Waits for no disk itself, so that it answers whatever
// the requests of clients wait for.
//
//   log ──> LeadingTold ─> [confirmed, read, logged] ─> OfficeBegun ──> block actor, namespace
//   actor
//                                       leads no more ─> OfficeEnded ──>
#pragma once

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstdint>
#include <functional>
#include <optional>

#include "actors/block_actor.hpp"
#include "actors/interfaces.hpp"
#include "actors/internal_messages.hpp"
#include "actors/namespace_actor.hpp"
#include "actors/owner_actor.hpp"
#include "actors/request_lane.hpp"
#include "base/random_id.hpp"
#include "consensus/log.hpp"
#include "metadata/takeover.hpp"

namespace minidfs::actors {

using RetryAtom = caf::atom_constant<caf::atom("retry")>;

using QuorumActor = ServedByQuorum::extend<
    // What the process itself sends.
    caf::reacts_to<LeadingTold>, caf::reacts_to<ReadConfirmed>, caf::reacts_to<LogBatch>,
    caf::reacts_to<RetryAtom>>;

// What the wiring hands to the actor. The log outlives the actor.
struct QuorumParts {
  consensus::Log* log = nullptr;
  OwnerActor owners;
  BlockActor blocks;
  NamespaceActor names;
  RequestLanePtr lane;  // That questions come by.
  // Called on the actor's thread when the first leadership has begun; may be empty.
  std::function<void()> first_office;
  std::uint64_t seed = random_128().low;  // Of the gaps between the numbers of leaderships.
};

class QuorumActorState {
 public:
  static inline const char* name = "quorum";

  using Self = QuorumActor::stateful_base<QuorumActorState>;

  void start(Self* self, QuorumParts parts);
  metadata::QuorumView view() const;
  void step(const metadata::TakeoverEvent& event);
  void take_batch(LogBatch& batch);
  const RequestLanePtr& lane() const { return parts_.lane; }

 private:
  void perform(const metadata::ConfirmState& confirm);
  void perform(const metadata::ReadNamespace& read);
  void perform(const metadata::LogLeadership& log);
  void perform(const metadata::TakeOffice& take);
  void perform(const metadata::LeaveOffice& leave);
  metadata::LeadershipAnswered::Answer answer_of(const consensus::Completion& completion) const;

  Self* self_ = nullptr;
  QuorumParts parts_;
  consensus::ChannelId channel_ = 0;
  std::optional<metadata::Takeover> takeover_;
  Leaderships read_;              // Last.
  metadata::BlockMark mark_ = 0;  // Logged last.
};

QuorumActor::behavior_type quorum_actor(QuorumActor::stateful_pointer<QuorumActorState> self,
                                        QuorumParts parts);

}  // namespace minidfs::actors
