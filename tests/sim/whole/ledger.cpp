#include "sim/whole/ledger.hpp"

namespace minidfs::sim {

Operation Ledger::add(RequestKey request, Record record) {
  record.begun = world_.now();
  records_[++last_] = std::move(record);
  by_request_[request].push_back(last_);
  return last_;
}

std::vector<Operation> Ledger::put(RequestKey request, std::vector<WrittenFile> files) {
  std::vector<Operation> operations;
  for (auto& file : files) {
    Record record;
    record.path = std::move(file.path);
    record.blocks = std::move(file.blocks);
    operations.push_back(add(request, std::move(record)));
  }
  return operations;
}

Operation Ledger::remove(RequestKey request, std::string path) {
  Record record;
  record.kind = Record::Kind::kRemove;
  record.path = std::move(path);
  return add(request, std::move(record));
}

Operation Ledger::stage(RequestKey request, WrittenBlocks blocks) {
  Record record;
  record.kind = Record::Kind::kStage;
  record.blocks = std::move(blocks);
  return add(request, std::move(record));
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

std::vector<Operation> Ledger::show(RequestKey request, std::span<const metadata::Outcome> outcomes,
                                    Visible& visible) const {
  std::vector<Operation> done;
  const auto found = by_request_.find(request);
  if (found == by_request_.end()) return done;
  for (std::size_t i = 0; i < found->second.size(); ++i) {
    if (i >= outcomes.size() || !outcomes[i].ok()) continue;
    done.push_back(found->second[i]);
    show(done.back(), records_.at(done.back()), visible);
  }
  return done;
}

void Ledger::show(Operation operation, const Record& record, Visible& visible) const {
  for (const auto& [block, content] : record.blocks) visible.contents[block.id] = content;
  if (record.kind == Record::Kind::kRemove) visible.files.erase(record.path);
  if (record.kind != Record::Kind::kPut) return;
  auto& file = visible.files[record.path];
  file = {operation, {}};
  for (const auto& [block, content] : record.blocks) file.blocks.push_back(block);
}

void Ledger::applied(Operation operation) {
  auto& record = records_.at(operation);
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
    const bool fits = now == nullptr ? record.path == path && record.kind == Record::Kind::kRemove
                                     : id == now->put;
    const bool before = record.acknowledged.has_value() && *record.acknowledged < last->begun;
    if (fits && record.applied && !before) return;
  }
  world_.violated(path + ": an acknowledged operation was undone");
}

void Ledger::check(const Visible& visible) {
  std::map<std::string, const Visible::File*> paths;
  for (const auto& [id, record] : records_) {
    if (record.kind != Record::Kind::kStage) paths[record.path] = nullptr;
  }
  for (const auto& [path, file] : visible.files) paths[path] = &file;
  for (const auto& [path, file] : paths) undone(path, file);
}

}  // namespace minidfs::sim
