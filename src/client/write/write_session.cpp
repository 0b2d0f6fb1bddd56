#include "client/write/write_session.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "client/link/data_plane_options.hpp"
#include "client/write/wait_for.hpp"
#include "transfer/async_pipeline_writer.hpp"

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

void WriteSession::end(std::unique_ptr<WriteSession> session, std::function<void()> ended) {
  auto& leaving = *session;
  std::function<void()> finish = [owned = std::shared_ptr<WriteSession>(std::move(session)),
                                  ended = std::move(ended)] { owned->state_->end(ended); };
  {
    const std::lock_guard lock(leaving.mutex_);
    if (leaving.unanswered_ > 0) {
      leaving.when_answered_ = std::move(finish);
      return;
    }
  }
  finish();
}

void WriteSession::note_asked() {
  const std::lock_guard lock(mutex_);
  ++unanswered_;
}

void WriteSession::note_answered() {
  std::function<void()> then;
  {
    const std::lock_guard lock(mutex_);
    if (--unanswered_ == 0) then = std::exchange(when_answered_, nullptr);
    // With the lock: whoever waits may destroy the session once it has it.
    answered_.notify_all();
  }
  if (then) then();
}

// --- Pipelines ---------------------------------------------------------------------------------

void WriteSession::expect_pipelines(PipelineDemand demand, std::uint64_t count,
                                    std::uint32_t ahead) {
  const std::lock_guard lock(mutex_);
  supply_.demand = std::move(demand);
  supply_.left = count;
  supply_.ahead = ahead;
}

void WriteSession::next_pipeline(PipelineCallback callback) {
  {
    const std::lock_guard lock(mutex_);
    supply_.wanted.push_back(std::move(callback));
  }
  serve();
}

Result<Pipeline> WriteSession::next_pipeline() {
  return wait_for<Result<Pipeline>>(
      [this](PipelineCallback callback) { next_pipeline(std::move(callback)); });
}

// As many of those who want a pipeline as there are any; asks for more when these are used up.
void WriteSession::serve() {
  std::vector<std::pair<PipelineCallback, Result<Pipeline>>> served;
  std::uint32_t asked = 0;
  {
    const std::lock_guard lock(mutex_);
    drop_failed();
    auto& wanted = supply_.wanted;
    while (!wanted.empty() && !supply_.here.empty()) {
      served.emplace_back(std::move(wanted.front()), pipeline_of(std::move(supply_.here.front())));
      wanted.pop_front();
      supply_.here.pop_front();
    }
    if (supply_.here.empty() && supply_.asked == 0) {
      asked = static_cast<std::uint32_t>(std::min<std::uint64_t>(supply_.ahead, supply_.left));
      supply_.asked = asked;
      supply_.left -= asked;
    }
    for (; supply_.asked == 0 && !wanted.empty(); wanted.pop_front()) {
      served.emplace_back(std::move(wanted.front()),
                          Error{Errc::kInternal, "more blocks wanted than announced"});
    }
  }
  if (asked > 0) refill(asked);
  for (auto& [callback, pipeline] : served) callback(std::move(pipeline));
}

// Nodes that have failed since they were granted are not worth a try; the block's id is given up
// with the session. What comes later was granted without them. The lock is held.
void WriteSession::drop_failed() {
  supply_.left += std::erase_if(supply_.here, [&](const actors::PipelineGrant& granted) {
    return std::any_of(granted.targets.begin(), granted.targets.end(),
                       [&](const auto& target) { return avoids(target.node); });
  });
}

void WriteSession::refill(std::uint32_t pipelines) {
  PipelineDemand demand;
  {
    const std::lock_guard lock(mutex_);
    demand = supply_.demand;
    supply_.demand.files.clear();  // They are checked once.
  }
  ask(demand, pipelines, [this](Granted granted) { take_supply(std::move(granted)); });
}

// Whoever waits gets the error, and may ask again.
void WriteSession::take_supply(Granted granted) {
  std::deque<PipelineCallback> refused;
  {
    const std::lock_guard lock(mutex_);
    const auto asked = std::exchange(supply_.asked, 0);
    if (granted.ok()) {
      supply_.left += asked - std::min<std::size_t>(granted->size(), asked);
      std::move(granted->begin(), granted->end(), std::back_inserter(supply_.here));
    } else {
      supply_.left += asked;
      refused.swap(supply_.wanted);
    }
  }
  for (const auto& callback : refused) callback(granted.error());
  if (granted.ok()) serve();
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
  return wait_for<Result<Pipeline>>(
      [&](PipelineCallback callback) { request_pipeline(demand, std::move(callback)); });
}

// First without the slow nodes.
void WriteSession::ask(const PipelineDemand& demand, std::uint32_t pipelines,
                       GrantedCallback callback) {
  note_asked();
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
  note_answered();
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
  const auto& local = context_.options.local_datanodes;
  const auto own = std::find_if(local.begin(), local.end(), [&](const LocalDatanode& each) {
    return each.node == pipeline.targets.front().node;
  });
  if (own != local.end()) {
    pipeline.connection = own->leader->lead_pipeline(executor, std::move(targets), *options);
  } else {
    pipeline.connection =
        std::make_unique<transfer::AsyncPipelineWriter>(executor, std::move(targets), *options);
  }
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
