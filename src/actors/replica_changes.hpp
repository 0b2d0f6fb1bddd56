// What happened to a datanode's replicas since the last heartbeat. Filled by the data server's
// threads and by the actor that carries out orders, emptied by the datanode actor.
#pragma once

#include <mutex>
#include <string>

#include "metadata/block_report.hpp"
#include "transfer/data_server.hpp"

namespace minidfs::actors {

class ReplicaChanges final : public transfer::DataServerEvents {
 public:
  void replica_stored(const storage::ReplicaInfo& replica) override;
  void replica_corrupt(BlockId block, std::uint64_t generation, std::string reason) override;
  void replica_removed(BlockId block, std::uint64_t generation);

  // Everything so far, which the caller now has to deliver.
  metadata::IncrementalReport take();
  // Puts back what could not be delivered, before what came since.
  void put_back(metadata::IncrementalReport report);

 private:
  std::mutex mutex_;
  metadata::IncrementalReport report_;
};

}  // namespace minidfs::actors
