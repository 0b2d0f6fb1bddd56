#include "client/pipeline_pool.hpp"

#include <algorithm>
#include <utility>

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
  MDFS_TRY(const auto options, connection_options(link_));
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

Result<transfer::ConnectionOptions> connection_options(NamenodeLink& link) {
  transfer::ConnectionOptions options;
  MDFS_TRY(options.cluster, link.cluster());
  options.connect_timeout = link.options().connect_timeout;
  return options;
}

}  // namespace minidfs::client
