// The part of BlockManager that tells whether what goes on in the background has come to its end:
// balances and changed numbers of copies.
#include <algorithm>

#include "actors/block_manager.hpp"

namespace minidfs::actors {
namespace {

using metadata::Need;
using metadata::NodeIndex;

BalanceReply::State state_of(metadata::BalanceRun::State state) {
  switch (state) {
    case metadata::BalanceRun::State::kNone:
      return BalanceReply::State::kNone;
    case metadata::BalanceRun::State::kRunning:
      return BalanceReply::State::kRunning;
    case metadata::BalanceRun::State::kReached:
      return BalanceReply::State::kReached;
    case metadata::BalanceRun::State::kStuck:
      return BalanceReply::State::kStuck;
    case metadata::BalanceRun::State::kStopped:
      return BalanceReply::State::kStopped;
  }
  return BalanceReply::State::kNone;
}

bool holds_good(const metadata::BlockView& view, NodeIndex node) {
  return std::any_of(view.replicas.begin(), view.replicas.end(), [&](const auto& replica) {
    return replica.node == node && replica.state == metadata::ReplicaState::kGood;
  });
}

}  // namespace

Result<BalanceReply> BlockManager::balance(const BalanceRequest& request) {
  switch (request.action) {
    case BalanceRequest::Action::kStatus:
      break;
    case BalanceRequest::Action::kBegin:
      if (!(request.threshold > 0 && request.threshold <= 1)) {
        return Error{Errc::kInvalidArgument, "balance threshold " +
                                                 std::to_string(request.threshold) +
                                                 ", which is not above 0 and at most 1"};
      }
      balance_.begin(request.threshold, registry_, repair_work_);
      ++balance_number_;
      break;
    case BalanceRequest::Action::kStop:
      balance_.stop();
      break;
  }
  BalanceReply reply;
  reply.state = state_of(balance_.state());
  reply.number = balance_number_;
  reply.deviation = metadata::node_balance(registry_).deviation;
  reply.moving = repair_work_.balance_copies();
  if (balance_.state() != metadata::BalanceRun::State::kNone) {
    reply.moved = balance_.moved(repair_work_);
    reply.moved_bytes = balance_.moved_bytes(repair_work_);
  }
  if (balance_.running()) reply.waits_for = balance_waits_for();
  return reply;
}

std::string BlockManager::balance_waits_for() const {
  if (safe_mode_.on()) return safe_mode_.reason();
  if (!registry_.all_live_reported()) return "not every datanode has reported its blocks yet";
  if (repair_work_.copies_in_flight() > repair_work_.balance_copies()) {
    return "blocks that lack copies come first";
  }
  return {};
}

CopiesReply BlockManager::count_copies(std::span<const metadata::Block> blocks,
                                       std::uint8_t wanted) const {
  CopiesReply reply;
  reply.blocks = blocks.size();
  std::vector<metadata::Block> lacking;
  for (const auto& block : blocks) {
    const auto view = map_.find(block.id);
    if (!view || !view->owned) {
      lacking.push_back(block);
      continue;
    }
    const auto tally = map_.tally(*view);
    if (tally.readable() == 0 || tally.live + tally.away < wanted) {
      lacking.push_back(block);
    } else if (tally.live > wanted || tally.deleting > 0) {
      ++reply.surplus;
    }
  }
  reply.lacking = lacking.size();
  if (reply.lacking + reply.surplus > 0) reply.waits_for = copies_wait_for(lacking, wanted);
  return reply;
}

std::string BlockManager::copies_wait_for(std::span<const metadata::Block> lacking,
                                          std::uint8_t wanted) const {
  if (safe_mode_.on()) return safe_mode_.reason();
  if (!registry_.all_live_reported()) return "not every datanode has reported its blocks yet";
  if (lacking.empty()) return {};
  const auto nodes = registry_.nodes();
  const auto in_service = std::count_if(nodes.begin(), nodes.end(),
                                        [](const auto& node) { return node.takes_blocks(); });
  if (in_service < wanted) {
    return std::to_string(wanted) + " copies are wanted, and " + std::to_string(in_service) +
           (in_service == 1 ? " datanode is" : " datanodes are") + " in service";
  }
  for (const auto& block : lacking) {
    const auto view = map_.find(block.id);
    if (!view || map_.tally(*view).readable() == 0) {
      return "block " + to_string(block.id) + " cannot be read from any datanode";
    }
    if (repair_work_.is_copying(block.id)) continue;
    const bool has_room = std::any_of(nodes.begin(), nodes.end(), [&](const auto& node) {
      return !holds_good(*view, node.index) &&
             metadata::placement_weight(node, block.length, options_.repair.placement) > 0;
    });
    if (has_room) continue;
    return "no datanode in service without a copy of block " + to_string(block.id) +
           " has room for its " + std::to_string(block.length) + " bytes";
  }
  return {};
}

}  // namespace minidfs::actors
