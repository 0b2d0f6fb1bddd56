#include "client/write/grant_supply.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace minidfs::client {

GrantSupply::GrantSupply(WriteSession& session, BlockDemand demand, std::uint64_t blocks,
                         std::uint32_t ahead)
    : session_(session), demand_(std::move(demand)), ahead_(ahead), not_requested_(blocks) {}

GrantSupply::~GrantSupply() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !requesting_; });
}

Result<actors::PipelineGrant> GrantSupply::take() {
  std::unique_lock lock(mutex_);
  // Nodes that have failed since they were granted are not worth a try; the block's id is given up
  // with the session. What comes later was granted without them.
  not_requested_ += std::erase_if(grants_, [&](const actors::PipelineGrant& grant) {
    return std::any_of(grant.targets.begin(), grant.targets.end(),
                       [&](const auto& target) { return session_.is_excluded(target.node); });
  });
  while (grants_.empty()) {
    if (!requesting_) {
      if (not_requested_ == 0) return Error{Errc::kInternal, "more blocks wanted than announced"};
      request_more(lock);
    }
    changed_.wait(lock, [&] { return !requesting_ || !grants_.empty(); });
    if (grants_.empty() && error_) return *error_;
  }
  actors::PipelineGrant grant = std::move(grants_.front());
  grants_.pop_front();
  if (grants_.empty() && !requesting_ && not_requested_ > 0) request_more(lock);
  return grant;
}

void GrantSupply::request_more(std::unique_lock<std::mutex>& lock) {
  requesting_ = true;
  error_.reset();
  BlockDemand demand = demand_;
  demand.pipelines = static_cast<std::uint32_t>(std::min<std::uint64_t>(ahead_, not_requested_));
  not_requested_ -= demand.pipelines;
  requested_ = demand.pipelines;
  demand_.files.clear();  // They are checked once.
  lock.unlock();
  session_.allocate(demand, [this](auto grants) { answered(std::move(grants)); });
  lock.lock();
}

void GrantSupply::answered(Result<std::vector<actors::PipelineGrant>> grants) {
  const std::lock_guard lock(mutex_);
  requesting_ = false;
  not_requested_ += requested_ - (grants.ok() ? std::min(grants->size(), requested_) : 0);
  if (!grants.ok()) {
    error_ = std::move(grants).error();
  } else {
    std::move(grants->begin(), grants->end(), std::back_inserter(grants_));
    if (grants->empty()) error_ = Error{Errc::kProtocol, "the namenode granted no pipeline"};
  }
  changed_.notify_all();
}

}  // namespace minidfs::client
