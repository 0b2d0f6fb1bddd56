// The part of BlockManager that has to do with who leads: what a leadership begins with, and what
// it leaves behind when it ends.
#include <utility>

#include "actors/block_manager.hpp"
#include "metadata/block_identity.hpp"
#include "metadata/node_effects.hpp"

namespace minidfs::actors {
namespace {

// Of blocks that were freed while another one leads, and that it has removed.
constexpr std::size_t kFreedRangesMax = 65'536;

}  // namespace

void BlockManager::begin_office(Office office, TimePoint now) {
  MDFS_ASSERT(!in_office_);
  in_office_ = true;
  ++office_number_;
  office_ = std::move(office);
  started_ = now;
  all_reported_ = false;
  ids_.clear();
  marks_.clear();
  mark_is_unused_ = false;
  if (office_.mark != 0) {
    ids_reserved({metadata::first_of(office_.mark), metadata::kBlockCountMax});
  }
  sessions_ = metadata::WriteSessions(metadata::SessionId{(random_() >> 1) + 1}, options_.sessions);
  staged_ = {};
  met_.clear();
  later_ = {};
  orphans_.begin_again(now);
  // What was told before stays, and is what readers are led by. What an order of another leadership
  // may have undone since, the reports show.
  for (const auto& node : registry_.nodes()) {
    forget_process(node.index);
    registry_.report_due(node.index);
  }
}

// What is not retired yet, or not removed, the next leadership finds in the same map.
void BlockManager::end_office() {
  in_office_ = false;
  committing_.clear();
  for (const auto& range : std::exchange(retiring_, {}).ranges()) dying_.add(range);
  repair_work_.abandon(map_);
  balance_.stop();
  for (auto& node : work_) {
    node.copies.clear();
    node.removes = metadata::OrderWindow(options_.orders);
    node.scrub_wanted = 0;
  }
}

void BlockManager::namespace_replaced() {
  MDFS_ASSERT(!in_office_);
  // Answers that are on their way may be of the namespace before.
  ++office_number_;
  for (const auto& node : registry_.nodes()) forget_process(node.index);
  // Not by assignment: g++ 12 at -O2 takes what it frees of an empty map for a constant.
  metadata::BlockMap empty;
  std::swap(map_, empty);
  for (const auto& node : registry_.nodes()) {
    metadata::follow_node(map_, registry_, node.index);
    registry_.report_due(node.index);
  }
  repair_work_.abandon(map_);
  orphans_ = metadata::OrphanCollector(options_.orphans);
  dying_ = {};
  safe_mode_ = metadata::SafeMode(options_.safe_mode);
}

// In each leadership once every datanode that lives has reported to it, what it knows of replicas
// is what there is, whatever was ordered before.
bool BlockManager::may_remove(TimePoint now) {
  if (!in_office_ || is_behind() || is_unsettled(now)) return false;
  all_reported_ = all_reported_ || registry_.all_live_reported();
  return all_reported_;
}

bool BlockManager::is_gathering(TimePoint now) const {
  return in_office_ && !safe_mode_.on() && now - started_ < options_.gather &&
         !registry_.all_live_reported();
}

// As long as another one leads it is that one which has freed blocks retired and removed.
void BlockManager::forget_gone() {
  if (dying_.size() <= kFreedRangesMax) return;
  const auto known = known_in(dying_.ranges());
  dying_ = {};
  for (const BlockId block : known) dying_.add({block, 1});
}

}  // namespace minidfs::actors
