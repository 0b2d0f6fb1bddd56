// Messages between the actors of one namenode process. They never cross a socket, so they need no
// inspection and no type id.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/messages.hpp"
#include "consensus/log.hpp"
#include "metadata/block_identity.hpp"
#include "metadata/block_map.hpp"
#include "metadata/epoch.hpp"
#include "metadata/namespace_effects.hpp"
#include "metadata/namespace_history.hpp"
#include "metadata/namespace_table.hpp"

namespace minidfs::actors {

// The answers to what an actor proposed, batch by batch.
struct LogBatch {
  std::vector<consensus::Completion> completions;
};

// What a batch of applied changes means for blocks and datanodes. Sent before the changes are
// answered, batch by batch, so that their order is that of the changes.
using NamespaceEffects = metadata::NamespaceEffects;

// A file as the namespace knows it, to be completed by locations.
struct FillFile {
  LocatedFile file;
  std::string reader_host;
  bool corrupt_ones = false;
};

struct FillDirectory {
  LocateDirectoryReply page;
  std::string reader_host;
};

// A page of a file's blocks, whose copies are to be counted, and CopiesReply::next.
struct CountCopies {
  std::uint64_t next = 0;
  std::vector<metadata::Block> blocks;
  std::uint8_t wanted = 0;
};

// Whether changes are refused, and why.
struct SafeModeChanged {
  bool on = false;
  std::string reason;
  bool behind = false;  // The datanodes know a later state; else it is safe mode.

  friend bool operator==(const SafeModeChanged&, const SafeModeChanged&) = default;
};

// --- What the block actor asks of the namespace (owner_actor.hpp) --------------------------------

struct OwnersOf {
  std::vector<BlockId> blocks;  // Ascending.
};
// The first `limit` blocks of [first, last] that files own.
struct OwnersBetween {
  BlockId first;
  BlockId last;
  std::uint32_t limit = 0;
};
struct BlockOwners {
  std::vector<metadata::OwnedBlock> owned;  // Ascending; what is missing no file owns.
};

struct NamespaceFactsWanted {};
struct NamespaceFacts {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t blocks = 0;
  std::uint64_t applied = 0;    // The number of the last change that is in the database.
  std::int64_t cluster_ms = 0;  // Its cluster time.
};

struct KeptReplyOf {
  metadata::RequestId request;
};
struct KeptReply {
  std::optional<metadata::ChangeReply> reply;
};

// Fills in the paths; what no file owns any more is left out.
struct PathsOf {
  CheckBlocksReply reply;
};

// --- Leadership (quorum_actor.hpp) ---------------------------------------------------------------

struct LeadershipsWanted {};
// What a leadership has to know of those before it, and of what they left.
struct Leaderships {
  metadata::NamespaceHistory history;  // Its now() is the last one.
  std::vector<metadata::StagedFile> staged;
  std::vector<metadata::NodeAdmin> node_admins;  // All that operators have decided.
  NamespaceFacts facts;
};

// The namenode leads in this term, by the last one of these leaderships.
struct OfficeBegun {
  std::uint64_t term = 0;
  metadata::BlockMark mark = 0;
  Leaderships before;
};
struct OfficeEnded {};

// What the log says of who leads.
struct LeadingTold {
  consensus::Leading leading;
};
// The log's answer to the question with this number: whether this namenode leads, and its namespace
// holds all that was acknowledged before.
struct ReadConfirmed {
  std::uint64_t number = 0;
  consensus::ReadAnswer answer;
};

}  // namespace minidfs::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::LogBatch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::metadata::NamespaceEffects)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::FillFile)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::FillDirectory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::CountCopies)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::SafeModeChanged)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::OwnersOf)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::OwnersBetween)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::BlockOwners)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::NamespaceFactsWanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::NamespaceFacts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::KeptReplyOf)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::KeptReply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::PathsOf)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::LeadershipsWanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::Leaderships)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::OfficeBegun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::OfficeEnded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::LeadingTold)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::ReadConfirmed)
