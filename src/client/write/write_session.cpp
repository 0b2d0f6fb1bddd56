#include "client/write/write_session.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <iterator>
#include <utility>

#include "client/link/data_plane_options.hpp"

namespace minidfs::client {
namespace {

// Copies would be lost by doing without the slow nodes.
bool falls_short(const Result<std::vector<actors::PipelineGrant>>& granted, std::size_t copies) {
  if (!granted.ok()) {
    return granted.error().code == Errc::kNoDatanode || granted.error().code == Errc::kNoSpace;
  }
  return std::any_of(granted->begin(), granted->end(),
                     [&](const auto& pipeline) { return pipeline.targets.size() < copies; });
}

void add_missing(std::vector<NodeId>& nodes, const std::vector<NodeId>& more) {
  for (const auto node : more) {
    if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) nodes.push_back(node);
  }
}

Pipeline pipeline_of(actors::PipelineGrant granted) {
  Pipeline pipeline;
  pipeline.blocks = std::move(granted.blocks);
  pipeline.generation = granted.generation;
  pipeline.targets = std::move(granted.targets);
  return pipeline;
}

std::vector<metadata::Endpoint> endpoints_of(const Pipeline& pipeline) {
  std::vector<metadata::Endpoint> endpoints;
  for (const auto& target : pipeline.targets) endpoints.push_back(target.data);
  return endpoints;
}

}  // namespace

WriteSession::WriteSession(ClientContext& context)
    : context_(context), state_(SessionState::begin(context)) {}

WriteSession::~WriteSession() {
  {
    // The link answers every request within its time-out, and when it ends.
    std::unique_lock lock(mutex_);
    answered_.wait(lock, [&] { return unanswered_ == 0; });
  }
  state_->end();
}

// --- Pipelines ---------------------------------------------------------------------------------

void WriteSession::expect_pipelines(PipelineDemand demand, std::uint64_t count,
                                    std::uint32_t ahead) {
  const std::lock_guard lock(mutex_);
  supply_.demand = std::move(demand);
  supply_.left = count;
  supply_.ahead = ahead;
}

Result<Pipeline> WriteSession::next_pipeline() {
  std::unique_lock lock(mutex_);
  // Nodes that have failed since they were granted are not worth a try; the block's id is given up
  // with the session. What comes later was granted without them.
  supply_.left += std::erase_if(supply_.here, [&](const actors::PipelineGrant& granted) {
    return std::any_of(granted.targets.begin(), granted.targets.end(),
                       [&](const auto& target) { return avoids(target.node); });
  });
  while (supply_.here.empty()) {
    if (supply_.asked == 0) {
      if (supply_.left == 0) return Error{Errc::kInternal, "more blocks wanted than announced"};
      refill(lock);
    }
    answered_.wait(lock, [&] { return supply_.asked == 0 || !supply_.here.empty(); });
    if (supply_.here.empty() && supply_.error) return *supply_.error;
  }
  auto pipeline = pipeline_of(std::move(supply_.here.front()));
  supply_.here.pop_front();
  if (supply_.here.empty() && supply_.asked == 0 && supply_.left > 0) refill(lock);
  return pipeline;
}

void WriteSession::refill(std::unique_lock<std::mutex>& lock) {
  supply_.error.reset();
  supply_.asked = static_cast<std::uint32_t>(std::min<std::uint64_t>(supply_.ahead, supply_.left));
  supply_.left -= supply_.asked;
  const auto demand = supply_.demand;
  const auto pipelines = supply_.asked;
  supply_.demand.files.clear();  // They are checked once.
  lock.unlock();
  ask(demand, pipelines, [this](Granted granted) { take_supply(std::move(granted)); });
  lock.lock();
}

void WriteSession::take_supply(Granted granted) {
  const std::lock_guard lock(mutex_);
  const auto asked = std::exchange(supply_.asked, 0);
  if (granted.ok()) {
    supply_.left += asked - std::min<std::size_t>(granted->size(), asked);
    std::move(granted->begin(), granted->end(), std::back_inserter(supply_.here));
  } else {
    supply_.left += asked;
    supply_.error = std::move(granted).error();
  }
}

void WriteSession::request_pipeline(const PipelineDemand& demand, PipelineCallback callback) {
  if (auto status = alive(); !status.ok()) return callback(std::move(status).error());
  ask(demand, 1, [this, demand, callback = std::move(callback)](Granted granted) {
    if (!granted.ok()) return callback(std::move(granted).error());
    if (granted->empty()) return request_pipeline(demand, callback);
    callback(pipeline_of(std::move(granted->front())));
  });
}

Result<Pipeline> WriteSession::request_pipeline(const PipelineDemand& demand) {
  const auto promise = std::make_shared<std::promise<Result<Pipeline>>>();
  request_pipeline(
      demand, [promise](Result<Pipeline> pipeline) { promise->set_value(std::move(pipeline)); });
  return promise->get_future().get();
}

// First without the slow nodes.
void WriteSession::ask(const PipelineDemand& demand, std::uint32_t pipelines,
                       GrantedCallback callback) {
  {
    const std::lock_guard lock(mutex_);
    ++unanswered_;
  }
  auto all = request_of(demand, pipelines);
  auto request = all;
  add_missing(request.excluded, context_.health.slow());
  const bool avoids_slow = request.excluded.size() > all.excluded.size();
  context_.link.submit<actors::AllocateBlocks>(
      std::move(request), [this, all = std::move(all), avoids_slow,
                           callback = std::move(callback)](Result<actors::WriteGrant> grant) {
        auto granted = state_->enter(std::move(grant));
        if (!avoids_slow || !falls_short(granted, all.replication)) {
          return answer(callback, without_failed(std::move(granted), all.excluded));
        }
        auto again = all;
        again.session = state_->id();
        context_.link.submit<actors::AllocateBlocks>(
            std::move(again),
            [this, excluded = all.excluded, callback](Result<actors::WriteGrant> second) {
              answer(callback, without_failed(state_->enter(std::move(second)), excluded));
            });
      });
}

void WriteSession::answer(const GrantedCallback& callback, Granted granted) {
  callback(std::move(granted));
  const std::lock_guard lock(mutex_);
  --unanswered_;
  // With the lock: whoever waits may destroy the session once it has it.
  answered_.notify_all();
}

// A node that failed while the namenode was asked is not worth a try. One that it was asked to do
// without is: then there is no other.
WriteSession::Granted WriteSession::without_failed(Granted granted,
                                                   const std::vector<NodeId>& excluded) const {
  if (!granted.ok()) return granted;
  const std::lock_guard lock(mutex_);
  std::erase_if(*granted, [&](const actors::PipelineGrant& pipeline) {
    return std::any_of(pipeline.targets.begin(), pipeline.targets.end(), [&](const auto& target) {
      return avoids(target.node) &&
             std::find(excluded.begin(), excluded.end(), target.node) == excluded.end();
    });
  });
  return granted;
}

actors::AllocateBlocks WriteSession::request_of(const PipelineDemand& demand,
                                                std::uint32_t pipelines) const {
  actors::AllocateBlocks request;
  request.client = context_.link.client_id();
  request.session = state_->id();
  request.files = demand.files;
  request.pipelines = pipelines;
  request.blocks_per_pipeline = demand.blocks;
  request.block_size = demand.block_size;
  request.replication = demand.replication;
  request.writer_host = context_.host;
  {
    const std::lock_guard lock(mutex_);
    request.excluded = failed_;
  }
  add_missing(request.excluded, context_.health.failed());
  return request;
}

asio::awaitable<Status> WriteSession::connect(const asio::any_io_executor& executor,
                                              Pipeline& pipeline, bool fresh) {
  auto targets = endpoints_of(pipeline);
  auto idle = fresh ? std::nullopt : context_.idle_pipelines.take(targets);
  if (idle) {
    pipeline.connection = *std::move(idle);
    pipeline.connection->join_loop(executor);
    pipeline.reused = true;
    co_return Status();
  }
  auto options = connection_options(context_.link, context_.options.progress_timeout);
  if (!options.ok()) co_return std::move(options).error();
  options->disk_timeout = context_.options.disk_timeout;
  pipeline.connection =
      std::make_unique<transfer::AsyncPipelineWriter>(executor, std::move(targets), *options);
  Status opened = co_await pipeline.connection->open();
  co_return opened;
}

void WriteSession::give_back(Pipeline pipeline) {
  pipeline.connection->leave_loop();
  context_.idle_pipelines.give_back(endpoints_of(pipeline), std::move(pipeline.connection));
}

// --- Nodes that failed -------------------------------------------------------------------------

void WriteSession::note_lost(const metadata::ReplicaLocation& target, bool to_blame) {
  context_.idle_pipelines.close_if([&](const std::vector<metadata::Endpoint>& targets) {
    return std::find(targets.begin(), targets.end(), target.data) != targets.end();
  });
  if (!to_blame) return;
  context_.health.note_failed(target.node);
  const std::lock_guard lock(mutex_);
  add_missing(failed_, {target.node});
}

// The lock is held.
bool WriteSession::avoids(NodeId node) const {
  return context_.health.has_failed(node) ||
         std::find(failed_.begin(), failed_.end(), node) != failed_.end();
}

bool WriteSession::avoids_nodes() const {
  if (!context_.health.failed().empty()) return true;
  const std::lock_guard lock(mutex_);
  return !failed_.empty();
}

void WriteSession::forgive_nodes() {
  context_.health.forgive();
  const std::lock_guard lock(mutex_);
  failed_.clear();
}

}  // namespace minidfs::client
