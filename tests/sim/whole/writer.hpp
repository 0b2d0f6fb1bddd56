// A client of the simulator that puts, removes and sets copies, one thing after the other, as the
// client library does: sessions, renewals, pipelines, and requests that keep their number while
// they are asked again. It may be suspended for as long as one likes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/client_messages.hpp"
#include "sim/whole/control_link.hpp"
#include "sim/whole/disk.hpp"
#include "sim/whole/ledger.hpp"
#include "sim/whole/process.hpp"

namespace minidfs::sim {

struct Cluster;

class SimWriter {
 public:
  SimWriter(Cluster& cluster, Place place);

  Place place() const { return place_; }
  Process& process() { return process_; }
  void start();
  // Begins nothing new.
  void leave_off() { leaves_off_ = true; }
  bool idle() const { return idle_; }
  std::uint64_t done() const { return done_; }

 private:
  struct WrittenReplicas {
    metadata::Block block;
    Content content = 0;
    std::vector<NodeId> nodes;
  };
  struct Put {
    std::string path;
    bool overwrite = false;
    std::uint8_t copies = 1;
    std::uint64_t blocks_left = 1;
    std::uint64_t session = 0;
    bool over = false;
    int attempts_left = 4;
    std::vector<BlockId> granted;
    std::vector<NodeId> excluded;
    std::vector<WrittenReplicas> written;
  };
  using PutPtr = std::shared_ptr<Put>;

  void next();
  void finished();
  std::string some_path();
  metadata::RequestId next_request();
  void remove();
  void set_copies();

  void put();
  void next_block(const PutPtr& put);
  void write_block(const PutPtr& put, const actors::PipelineGrant& grant);
  void block_written(const PutPtr& put, const WrittenReplicas& written);
  void commit(const PutPtr& put);
  void end(const PutPtr& put, bool committed);
  void renew_later(const PutPtr& put, milliseconds within);
  std::vector<metadata::BlockRange> ranges(const Put& put) const;

  // Asks until there is an answer that is not to be asked again for, or for half a minute, whose
  // end is kTimedOut: nobody knows then what was done.
  template <class Reply>
  struct Asking {
    std::function<void(SimNamenode&, const Respond<Reply>&)> request;
    Respond<Reply> answered;
    TimePoint deadline{};
    std::uint64_t attempt = 0;
    bool over = false;
  };
  template <class Reply>
  void ask(std::function<void(SimNamenode&, const Respond<Reply>&)> request,
           Respond<Reply> answered);
  template <class Reply>
  void attempt(std::shared_ptr<Asking<Reply>> asking);

  Cluster& cluster_;
  Place place_;
  Process process_;
  ControlLink link_;
  ClientId client_;
  std::uint64_t last_sequence_ = 0;
  std::uint64_t files_ = 0;
  std::uint64_t done_ = 0;
  bool leaves_off_ = false;
  bool idle_ = false;
};

}  // namespace minidfs::sim
