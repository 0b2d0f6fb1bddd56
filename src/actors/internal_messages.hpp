// Messages between the actors of one namenode process. They never cross a socket, so they need no
// inspection and no type id.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "actors/messages.hpp"
#include "consensus/log.hpp"

namespace minidfs::actors {

// The answers to what an actor proposed, batch by batch.
struct LogBatch {
  std::vector<consensus::Completion> completions;
};

struct WantedChange {
  BlockId block;
  std::uint8_t wanted = 0;
};

// What applied changes mean for replicas. Sent before the changes are answered.
struct NamespaceEffects {
  std::vector<RemoveOrder> freed;
  std::vector<WantedChange> wanted;
  std::vector<metadata::NodeAdmin> node_admins;
};

// A file as the namespace knows it, to be completed by locations.
struct FillFile {
  LocatedFile file;
  std::string reader_host;
};

struct FillDirectory {
  LocateDirectoryReply page;
  std::string reader_host;
};

struct SafeModeChanged {
  bool on = false;
  std::string reason;
};

}  // namespace minidfs::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::LogBatch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::NamespaceEffects)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::FillFile)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::FillDirectory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::SafeModeChanged)
