// Keeps pipelines for the next blocks of one file at hand: they are asked for while the present
// blocks are on their way.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

#include "client/write/write_session.hpp"

namespace minidfs::client {

// Thread-safe. Its destruction waits for an answer that is due.
class GrantSupply {
 public:
  // `blocks` is how many will be taken at most, `ahead` how many are asked for at a time. `demand`
  // names the file, the block size and the replication.
  GrantSupply(WriteSession& session, BlockDemand demand, std::uint64_t blocks, std::uint32_t ahead);
  ~GrantSupply();

  Result<actors::PipelineGrant> take();

 private:
  void request_more(std::unique_lock<std::mutex>& lock);
  void answered(Result<std::vector<actors::PipelineGrant>> grants);

  WriteSession& session_;
  BlockDemand demand_;
  std::uint32_t ahead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t not_requested_;
  bool requesting_ = false;
  std::size_t requested_ = 0;
  std::deque<actors::PipelineGrant> grants_;
  std::optional<Error> error_;  // Of the last request; another take() asks again.
};

}  // namespace minidfs::client
