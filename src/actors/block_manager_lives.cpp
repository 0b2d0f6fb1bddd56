// The part of BlockManager that meets datanodes which know a later state of the cluster than its
// namespace (metadata/later_state.hpp).
#include <algorithm>
#include <utility>

#include "actors/block_manager.hpp"
#include "base/logging.hpp"

namespace minidfs::actors {

// Whether the datanode keeps what it knows instead of following this namenode.
bool BlockManager::knows_later(const RegisterNode& request) {
  avoid_marks(request.marks);
  // One that follows may lack what the leader has told: it is judged when it leads.
  if (!in_office_) return false;
  const metadata::ToldState told{{request.epoch, request.change},
                                 !met_.insert(request.node).second};
  if (!office_.history) return false;
  const auto facts = office_.history->facts(request.epoch, applied_);
  const auto strange = office_.history->strange(request.marks);
  if (!metadata::knows_later_state(told, facts, !strange.empty())) return false;
  const bool first = !later_.any();
  later_.note(told.known, strange);
  log_warn("namenode",
           "datanode {} knows leadership {} and change {} of life {}, this namespace leadership {} "
           "and change {} of life {}",
           to_string(request.data), request.epoch.leadership, request.change,
           to_string(request.epoch.life), office_.epoch.leadership, applied_,
           to_string(office_.epoch.life));
  if (first) log_error("namenode", "{}", behind_text());
  return true;
}

// A mark that was drawn by chance although blocks have it is of no use: as long as none of its ids
// was granted, another one is taken.
void BlockManager::avoid_marks(std::span<const metadata::BlockMark> marks) {
  for (const auto mark : marks) {
    if (marks_elsewhere_.size() < kMarksMax) marks_elsewhere_.insert(mark);
  }
  if (!mark_is_unused_ || std::find(marks.begin(), marks.end(), mark_) == marks.end()) return;
  log_warn("namenode", "blocks of the mark {} exist already: another one is taken", mark_);
  ids_.clear();
  marks_.erase(mark_);
  mark_is_unused_ = false;
}

std::string BlockManager::behind_text() const {
  return later_.text(office_.epoch.life, applied_, map_.counts(0).unowned);
}

std::optional<Error> BlockManager::refusal() const {
  if (later_.any()) return Error{Errc::kBehind, behind_text()};
  if (safe_mode_.on()) {
    return Error{Errc::kSafeMode, "no changes in safe mode: " + safe_mode_.reason()};
  }
  return std::nullopt;
}

metadata::BeginLife BlockManager::life_to_begin() const {
  metadata::BeginLife change;
  change.number = office_.epoch.leadership + 1;
  change.lives = later_.lives();
  change.marks = later_.marks();
  return change;
}

void BlockManager::begin_life(const metadata::BeginLife& change, TimePoint now) {
  office_.epoch = {change.life, change.number};
  log_warn("namenode",
           "on an operator's word life {} of the namespace begins, with leadership {} after change "
           "{}: what the datanodes know besides is given up",
           to_string(change.life), change.number, applied_);
  if (office_.history) {
    office_.history->begin_leadership(office_.epoch, change.mark, applied_ + 1);
    office_.history->give_up(change.lives, change.marks);
  }
  later_ = {};
  safe_mode_.leave();
  // The datanodes hear of the new epoch with their next heartbeats, then register and report.
  started_ = now;
  ids_.clear();
  ids_reserved({metadata::first_of(change.mark), metadata::kBlockCountMax});
}

}  // namespace minidfs::actors
