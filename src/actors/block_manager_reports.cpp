// The part of BlockManager that takes what datanodes tell of their replicas: full reports, part by
// part, and the news of heartbeats. What the map does not know of a block the namespace is asked.
#include <algorithm>
#include <utility>

#include "actors/block_manager.hpp"
#include "base/logging.hpp"

namespace minidfs::actors {

using metadata::NodeIndex;
using metadata::OwnedBlock;

namespace {

// Of one node. What is beyond that waits for the node's next full report.
constexpr std::size_t kDoubtedMax = 65'536;

}  // namespace

// --- Questions to the namespace ----------------------------------------------------------------

void BlockManager::with_owners(std::vector<BlockId> blocks, OwnersKnown then) {
  if (blocks.empty()) return then({});
  const auto number = questions_.begin(blocks);
  owners_(blocks, [this, number, blocks,
                   then = std::move(then)](Result<std::vector<OwnedBlock>> owned) mutable {
    const bool holds = questions_.end(number);
    if (owned.ok() && holds) return then(*owned);
    if (owned.ok()) return with_owners(std::move(blocks), std::move(then));
    log_error("namenode", "cannot ask who owns {} blocks: {}", blocks.size(),
              owned.error().message);
    unanswered_.emplace_back(std::move(blocks), std::move(then));
  });
}

void BlockManager::ask_owners_again() {
  for (auto& [blocks, then] : std::exchange(unanswered_, {})) {
    with_owners(std::move(blocks), std::move(then));
  }
}

// --- Full reports ------------------------------------------------------------------------------

BlockManager::ReportOrder BlockManager::order_report(NodeIndex node, TimePoint now) {
  if (registry_.get(node).report_complete || !grants_.ask(node, now)) return {};
  auto& report = work(node).report;
  if (!report.has_value()) {
    report.emplace(++last_report_);
    map_.begin_report(node);
  }
  if (report->complete()) return {};  // Its last part is being merged.
  return {report->report(), report->position()};
}

void BlockManager::report(const BlockReportPart& request, TimePoint now, Answered answered) {
  const auto* node = registry_.find(request.node);
  if (node == nullptr || node->incarnation != request.incarnation ||
      node->state == metadata::NodeState::kDead) {
    return answered(Error{Errc::kStale, "block report of a datanode that is not registered"});
  }
  const auto index = node->index;
  auto decoded = metadata::decode_report_chunk(request.chunk);
  if (!decoded.ok()) return answered(decoded.error());
  auto& mine = work(index);
  if (!mine.report.has_value()) return answered(Error{Errc::kStale, "no block report is owed"});
  const bool merging = !mine.part_answers.empty();
  if (mine.report->was_last(*decoded)) {  // Asked again.
    if (!merging) return answered({});
    mine.part_answers.push_back(std::move(answered));
    return;
  }
  if (merging) return answered(Error{Errc::kBusy, "the part before is not entered yet"});
  if (auto status = mine.report->accept(*decoded); !status.ok()) return answered(status);
  grants_.heard(index, now);
  mine.part_answers.push_back(std::move(answered));
  auto strangers = metadata::blocks_to_look_up(map_, decoded->replicas);
  with_owners(std::move(strangers),
              [this, index, process = mine.process,
               chunk = std::move(decoded).value()](std::span<const OwnedBlock> owned) {
                if (work(index).process == process) merge_part(index, chunk, owned);
              });
}

void BlockManager::merge_part(NodeIndex node, const metadata::ReportChunk& chunk,
                              std::span<const OwnedBlock> owned) {
  const auto merged = metadata::merge_report_chunk(map_, node, chunk, owned);
  note_merge(node, merged);
  auto& mine = work(node);
  const auto room = kDoubtedMax - mine.doubted.size();
  const auto taken = static_cast<std::ptrdiff_t>(std::min(room, merged.doubted.size()));
  mine.doubted.insert(mine.doubted.end(), merged.doubted.begin(), merged.doubted.begin() + taken);
  if (mine.report->complete()) {
    mine.report.reset();
    map_.end_report(node);
    registry_.report_completed(node);
    grants_.end(node);
    log_info("namenode", "datanode {} has reported {} replicas in full",
             to_string(registry_.get(node).data), map_.replica_count(node));
  }
  for (const auto& answered : std::exchange(mine.part_answers, {})) answered({});
}

// The node has died, or another process of it has come: what was begun with the last one is void.
void BlockManager::forget_process(NodeIndex node) {
  auto& mine = work(node);
  ++mine.process;
  mine.report.reset();
  mine.news.clear();
  mine.doubted.clear();
  map_.end_report(node);
  grants_.end(node);
  for (const auto& answered : std::exchange(mine.part_answers, {})) {
    answered(Error{Errc::kStale, "block report of a datanode that is not registered"});
  }
}

// --- News --------------------------------------------------------------------------------------

// In the order in which they were told: each waits for those before it.
void BlockManager::merge_news(NodeIndex node) {
  const auto& mine = work(node);
  auto strangers = metadata::blocks_to_look_up(map_, mine.news.front().changes);
  with_owners(std::move(strangers),
              [this, node, process = mine.process](std::span<const OwnedBlock> owned) {
                auto& told = work(node);
                if (told.process != process) return;
                const News news = std::move(told.news.front());
                told.news.pop_front();
                apply_news(node, news, owned);
                if (!work(node).news.empty()) merge_news(node);
              });
}

void BlockManager::apply_news(NodeIndex node, const News& news, std::span<const OwnedBlock> owned) {
  note_merge(node, metadata::apply_incremental(map_, node, news.changes, owned));
  for (const auto& added : news.changes.added) {
    // Given up by their writers, and stored here only now.
    if (sessions_.is_dead(added.id) && !map_.is_owned(added.id)) dying_.add({added.id, 1});
  }
  for (const auto& gone : news.changes.removed) {
    repair_work_.delete_confirmed(node, gone.id);
    work(node).removes.confirmed(gone.id, gone.generation, news.told);
  }
}

void BlockManager::note_merge(NodeIndex node, const metadata::MergeResult& result) {
  if (!result.stale.empty()) {
    log_info("namenode", "datanode {} holds {} replicas of older generations",
             to_string(registry_.get(node).data), result.stale.size());
  }
}

}  // namespace minidfs::actors
