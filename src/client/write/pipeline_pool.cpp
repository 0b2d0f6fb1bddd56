#include "client/write/pipeline_pool.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "client/link/data_plane_options.hpp"

namespace minidfs::client {

Result<Pipeline> PipelinePool::take(const std::vector<metadata::ReplicaLocation>& targets,
                                    bool fresh) {
  Pipeline pipeline;
  for (const auto& target : targets) pipeline.targets.push_back(target.data);
  if (!fresh) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(idle_.rbegin(), idle_.rend(), [&](const Pipeline& idle) {
      return idle.targets == pipeline.targets;
    });
    if (found != idle_.rend()) {
      pipeline = std::move(*found);
      idle_.erase(std::prev(found.base()));
      pipeline.reused = true;
      return pipeline;
    }
  }
  MDFS_TRY(auto options, connection_options(link_, progress_timeout_));
  options.disk_timeout = disk_timeout_;
  MDFS_TRY(pipeline.writer, transfer::PipelineWriter::open(pipeline.targets, options));
  return pipeline;
}

void PipelinePool::give_back(Pipeline pipeline) {
  Pipeline dropped;  // Declared before the lock, so that it is closed without it.
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(pipeline));
  if (idle_.size() > kIdleMax) {
    dropped = std::move(idle_.front());
    idle_.pop_front();
  }
}

void PipelinePool::forget(const metadata::Endpoint& datanode) {
  std::vector<Pipeline> dropped;  // Declared before the lock, so that they are closed without it.
  const std::lock_guard lock(mutex_);
  const auto first = std::stable_partition(idle_.begin(), idle_.end(), [&](const Pipeline& idle) {
    return std::find(idle.targets.begin(), idle.targets.end(), datanode) == idle.targets.end();
  });
  std::move(first, idle_.end(), std::back_inserter(dropped));
  idle_.erase(first, idle_.end());
}

}  // namespace minidfs::client
