// Which datanode a client is sent to for the second step, as HDFS chooses, and under which address
// it reaches that. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/http_messages.hpp"
#include "http/message.hpp"

namespace minidfs::http::webhdfs {

// Who has asked for the first step, and where.
struct Asker {
  Peer remote;
  Peer local;           // What it has reached.
  std::string machine;  // That which was reached, by its name.
};

struct DatanodeWish {
  // One of these, as they have the bytes; null: any.
  const std::vector<NodeId>* holders = nullptr;
  // HOST or HOST:PORT, as clients were sent there, or of the data port.
  std::vector<std::string> excluded;
};

// The parts of a list like "HOST:PORT,HOST", without spaces around them.
std::vector<std::string> excluded_nodes(std::string_view text);

// The address of one that suits, on the asker's own machine if there is one; `random`, any number,
// decides among several. None when none suits, or the asker could reach none that does: who
// announces loopback is there for its own machine alone.
std::optional<metadata::Endpoint> choose_datanode(std::span<const actors::HttpNode> nodes,
                                                  const Asker& asker, const DatanodeWish& wish,
                                                  std::uint64_t random);

}  // namespace minidfs::http::webhdfs
