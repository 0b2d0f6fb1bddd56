#include "sim/whole/ledger.hpp"

namespace minidfs::sim {

Operation Ledger::put(RequestKey request, WrittenFile file) {
  Record record;
  record.path = std::move(file.path);
  record.blocks = std::move(file.blocks);
  record.begun = world_.now();
  by_request_[request] = ++last_;
  records_[last_] = std::move(record);
  return last_;
}

Operation Ledger::remove(RequestKey request, std::string path) {
  const auto operation = put(request, {std::move(path), {}});
  records_[operation].removes = true;
  return operation;
}

void Ledger::acknowledged(Operation operation) {
  auto& record = records_[operation];
  if (record.before_restore) return;
  record.acknowledged = world_.now();
  if (!record.applied) world_.violated(record.path + ": acknowledged and never applied");
}

void Ledger::refused(Operation operation) {
  auto& record = records_[operation];
  if (record.before_restore) return;
  record.refused = true;
  if (record.applied) world_.violated(record.path + ": refused after it was done");
}

bool Ledger::show(RequestKey request, Visible& visible) const {
  const auto found = by_request_.find(request);
  if (found == by_request_.end()) return false;
  const auto& record = records_.at(found->second);
  if (record.removes) {
    visible.files.erase(record.path);
    return true;
  }
  auto& file = visible.files[record.path];
  file = {found->second, {}};
  for (const auto& [block, content] : record.blocks) {
    file.blocks.push_back(block);
    visible.contents[block.id] = content;
  }
  return true;
}

void Ledger::applied(RequestKey request) {
  auto& record = records_[by_request_.at(request)];
  if (record.applied && !record.before_restore) {
    world_.violated(record.path + ": one request was carried out twice");
  }
  if (record.refused && !record.before_restore) {
    world_.violated(record.path + ": done after it was refused");
  }
  record.applied = true;
}

void Ledger::restored(const std::set<BlockId>& removed_since) {
  may_be_lost_.insert(removed_since.begin(), removed_since.end());
  for (auto& [id, record] : records_) record.before_restore = true;
}

// The last acknowledged operation of a path and what a later one may have made of it.
void Ledger::undone(const std::string& path, const Visible::File* now) {
  const Record* last = nullptr;
  for (const auto& [id, record] : records_) {
    if (record.path != path || record.before_restore || !record.acknowledged) continue;
    if (last == nullptr || record.begun > last->begun) last = &record;
  }
  if (last == nullptr) return;
  // What is there, or is not, comes from an operation that need not have ended before `last` began.
  for (const auto& [id, record] : records_) {
    const bool fits = now == nullptr ? record.path == path && record.removes : id == now->put;
    const bool before = record.acknowledged.has_value() && *record.acknowledged < last->begun;
    if (fits && record.applied && !before) return;
  }
  world_.violated(path + ": an acknowledged operation was undone");
}

void Ledger::check(const Visible& visible) {
  std::map<std::string, const Visible::File*> paths;
  for (const auto& [id, record] : records_) paths[record.path] = nullptr;
  for (const auto& [path, file] : visible.files) paths[path] = &file;
  for (const auto& [path, file] : paths) undone(path, file);
}

}  // namespace minidfs::sim
