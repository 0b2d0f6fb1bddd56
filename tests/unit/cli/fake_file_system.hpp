// A file system in memory, and a run of a whole command line on it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/application.hpp"
#include "client/file_system.hpp"

namespace minidfs::cli::test {

// What the tests look at and prepare. Paths as in the file system.
struct FakeState {
  std::map<std::string, std::string> files;
  std::set<std::string> directories{"/"};
  std::vector<std::string> calls;  // "write /a", "batch 3", "mkdir /d"...
  std::uint8_t copies_min = 3;
  client::Options options;             // Of the last connection.
  client::WriteOptions write_options;  // Of the last write.
  client::ReadOptions read_options;    // Of the last read of a tree.
  bool safe_mode = false;
  bool behind = false;
  client::ClusterStatus status;
  std::set<NodeId> unreachable;
  std::set<NodeId> untried;  // Whether they can be reached.
  std::vector<client::BlockProblem> problems;
  std::string outstanding;  // What datanodes have not told yet.
  struct Decision {
    NodeId node;
    metadata::NodeAction action;
    std::chrono::milliseconds maintenance;
  };
  std::vector<Decision> decisions;
  std::vector<client::Balance> balances{{client::Balance::State::kReached, 1, 0.01, 0, 0, 0, ""}};
  std::vector<client::FileCopies> copies{client::FileCopies{}};
  client::Quorum quorum;
  std::vector<client::NamenodeDigest> digests;
  int connections = 0;
  Status connect_status;
  std::vector<client::NodeScrub> scrubbed;
  std::set<std::string> failing;  // Paths whose changes are refused.
  std::set<std::string> removed;  // Paths that are still listed, and gone when asked for.
  std::string owner;              // Of everything.
  std::map<std::string, std::uint16_t> permissions;
  bool out_is_terminal = false;
};

// What a run of `minidfs <words>` did.
struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

Outcome run(FakeState& state, const std::vector<std::string>& words,
            const std::vector<std::string>& environment = {});

}  // namespace minidfs::cli::test
