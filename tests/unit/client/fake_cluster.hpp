// A namenode that keeps everything in memory and does as it is told, and real datanodes without
// heartbeats: what the client library needs to be tested in one process, over real sockets.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/messages.hpp"
#include "base/error.hpp"
#include "client/file_system.hpp"
#include "client/local_namenode.hpp"
#include "metadata/quorum.hpp"
#include "support/temporary_directory.hpp"
#include "transfer/data_server.hpp"

namespace minidfs::client {

// What the fake namenode knows and did; all namenodes of one cluster share it. It survives the
// namenode's restart. Lock before use.
struct FakeNamespace {
  std::mutex mutex;
  // Who leads, and who is a member; the others refuse.
  metadata::QuorumView quorum{0, 1, 1, {}};
  ClusterId cluster{7, 7};
  std::map<std::string, actors::LocatedFile> files;
  std::set<std::string> directories{"/"};
  std::vector<metadata::ReplicaLocation> nodes;
  std::map<std::string, metadata::EntryAttributes> attributes;  // Of directories, as set.
  std::size_t page = 3;                                         // Entries in a page of a listing.
  std::size_t blocks_page = 4096;                               // Blocks in a page of a file.
  bool safe_mode = false;
  int checks_outstanding = 0;  // So many checks of blocks come before all nodes have reported.
  std::uint32_t renew_within_ms = 60'000;
  std::uint64_t next_block = 1;
  std::uint64_t next_inode = 2;
  std::vector<ClientId> client_ids;  // Given out.
  std::set<ClientId> forgotten;      // Clients whose changes are answered as forgotten.
  // Asked before each request, with its name; an error is what the request is answered by.
  std::function<std::optional<Error>(const std::string&)> failure;
  // Changes that were done, by (client, sequence), with their answer.
  std::map<std::pair<ClientId, std::uint64_t>, metadata::ChangeReply> answers;
  // The blocks that are staged, in order, with where they are.
  std::vector<std::pair<metadata::Block, actors::WrittenBlock>> staged;
  // The record.
  std::map<std::string, int> requests;
  int changes_done = 0;
  std::vector<actors::AllocateBlocks> allocations;
  std::vector<actors::EndSession> ended;
};

class FakeNamenode {
 public:
  // Port 0: any free one.
  FakeNamenode(std::shared_ptr<FakeNamespace> names, std::uint16_t port,
               metadata::QuorumId self = 1);
  ~FakeNamenode();
  metadata::Endpoint address() const;
  // For a client that takes it for one of its own process, whatever it thinks its address is.
  std::shared_ptr<const LocalNamenodes> local(const metadata::Endpoint& address);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class FakeDatanode {
 public:
  explicit FakeDatanode(ClusterId cluster, std::chrono::milliseconds progress_timeout);
  ~FakeDatanode();

  metadata::ReplicaLocation location() const { return location_; }
  storage::BlockStore& store() { return *store_; }
  const std::string& directory() const { return directory_.path(); }
  // Closes its port and every connection.
  void stop() { server_.reset(); }

 private:
  test::TemporaryDirectory directory_;
  std::unique_ptr<transfer::DataServerEvents> events_;
  std::unique_ptr<storage::BlockStore> store_;
  std::unique_ptr<transfer::DataServer> server_;
  metadata::ReplicaLocation location_;
};

// A namenode and some datanodes, with a client.
struct FakeCluster {
  // `progress_timeout` is that of the datanodes.
  explicit FakeCluster(std::size_t datanode_count, Options options = {},
                       std::chrono::milliseconds progress_timeout = std::chrono::seconds(5));

  std::shared_ptr<FakeNamespace> names = std::make_shared<FakeNamespace>();
  std::unique_ptr<FakeNamenode> namenode;
  std::vector<std::unique_ptr<FakeDatanode>> datanodes;
  std::unique_ptr<FileSystem> files;
};

}  // namespace minidfs::client
