// Idle connections to write pipelines, kept for the next block or batch that goes to the same
// datanodes in the same order.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.hpp"
#include "client/link/namenode_link.hpp"
#include "metadata/types.hpp"
#include "transfer/pipeline_writer.hpp"

namespace minidfs::client {

struct Pipeline {
  std::unique_ptr<transfer::PipelineWriter> writer;
  std::vector<metadata::Endpoint> targets;
  bool reused = false;  // It stood idle, so its datanode may have gone without our noticing.
};

// Thread-safe.
class PipelinePool {
 public:
  PipelinePool(NamenodeLink& link, std::chrono::milliseconds progress_timeout,
               std::chrono::milliseconds disk_timeout)
      : link_(link), progress_timeout_(progress_timeout), disk_timeout_(disk_timeout) {}

  // An idle connection or a new one; only a new one with `fresh`.
  Result<Pipeline> take(const std::vector<metadata::ReplicaLocation>& targets, bool fresh = false);

  // REQUIRES: every block was ended and acknowledged, none of the calls failed.
  void give_back(Pipeline pipeline);

  // Closes the idle connections that lead through a datanode which has failed.
  void forget(const metadata::Endpoint& datanode);

 private:
  static constexpr std::size_t kIdleMax = 8;

  NamenodeLink& link_;
  std::chrono::milliseconds progress_timeout_;
  std::chrono::milliseconds disk_timeout_;
  std::mutex mutex_;
  std::deque<Pipeline> idle_;  // The longest idle one first.
};

}  // namespace minidfs::client
