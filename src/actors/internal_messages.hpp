// Messages between the actors of one namenode process. They never cross a socket, so they need no
// inspection and no type id.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "actors/messages.hpp"
#include "consensus/log.hpp"
#include "metadata/namespace_effects.hpp"

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

// A file's blocks, whose copies are to be counted.
struct CountCopies {
  std::vector<metadata::Block> blocks;
  std::uint8_t wanted = 0;
};

struct SafeModeChanged {
  bool on = false;
  std::string reason;

  friend bool operator==(const SafeModeChanged&, const SafeModeChanged&) = default;
};

}  // namespace minidfs::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::LogBatch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::metadata::NamespaceEffects)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::FillFile)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::FillDirectory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::CountCopies)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::SafeModeChanged)
