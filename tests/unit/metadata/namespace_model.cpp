#include "unit/metadata/namespace_model.hpp"

#include <algorithm>

namespace minidfs::metadata::test {
namespace {

Outcome fail(Errc code) { return {static_cast<std::uint8_t>(code), {}, 0}; }

// "/a//b/" becomes "/a/b"; an invalid path becomes "".
std::string canonical(const std::string& path) {
  if (path.empty() || path[0] != '/' || path.size() > 8000) return {};
  std::string out;
  std::string name;
  for (const char c : path + "/") {
    if (c != '/') {
      name += c;
      continue;
    }
    if (name == "." || name == ".." || name.size() > 255) return {};
    if (name.find('\0') != std::string::npos) return {};
    if (!name.empty()) out += "/" + name;
    name.clear();
  }
  if (std::count(out.begin(), out.end(), '/') > 1000) return {};
  return out.empty() ? "/" : out;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string join(const std::string& directory, const std::string& name) {
  return directory == "/" ? "/" + name : directory + "/" + name;
}

}  // namespace

NamespaceModel::NamespaceModel() {
  FileStatus root;
  root.id = InodeId{1};
  root.kind = FileKind::kDirectory;
  root.permission = 0755;
  root.owner = "root";
  root.group = "supergroup";
  entries_["/"].status = root;
}

bool NamespaceModel::is_directory(const std::string& path) const {
  const auto at = entries_.find(path);
  return at != entries_.end() && at->second.status.kind == FileKind::kDirectory;
}

bool NamespaceModel::is_file(const std::string& path) const {
  const auto at = entries_.find(path);
  return at != entries_.end() && at->second.status.kind == FileKind::kFile;
}

bool NamespaceModel::has_children(const std::string& path) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return entry.first != "/" && parent_of(entry.first) == path;
  });
}

std::uint8_t NamespaceModel::parent_error(const std::string& path) const {
  if (is_directory(parent_of(path))) return 0;
  for (std::string at = parent_of(path); at != "/"; at = parent_of(at)) {
    if (is_file(at)) return static_cast<std::uint8_t>(Errc::kNotADirectory);
  }
  return static_cast<std::uint8_t>(Errc::kNotFound);
}

std::uint64_t NamespaceModel::add(const std::string& path, FileStatus status,
                                  std::int64_t time_ms) {
  ModelEntry& parent = entries_.at(parent_of(path));
  if (status.group.empty()) status.group = parent.status.group;
  parent.status.modified_ms = time_ms;
  status.name = name_of(path);
  if (status.id == InodeId{}) status.id = InodeId{next_inode_++};
  status.modified_ms = time_ms;
  entries_[path] = {status, {}};
  return status.id.value;
}

void NamespaceModel::make_parents(const std::string& path, std::uint16_t permission,
                                  const std::string& owner, const std::string& group,
                                  std::int64_t time_ms) {
  const std::string parent = parent_of(path);
  if (is_directory(parent)) return;
  make_parents(parent, permission, owner, group, time_ms);
  FileStatus status;
  status.kind = FileKind::kDirectory;
  status.permission = permission;
  status.owner = owner;
  status.group = group;
  add(parent, status, time_ms);
}

Outcome NamespaceModel::make_directory(const MakeDirectory& change) {
  const std::string path = canonical(change.path);
  if (path.empty() || change.permission > 01777) return fail(Errc::kInvalidArgument);
  if (entries_.count(path) != 0) {
    if (!change.parents || is_file(path)) return fail(Errc::kAlreadyExists);
    return {0, {}, entries_[path].status.id.value};
  }
  const std::uint8_t error = parent_error(path);
  const bool creatable = change.parents && error == static_cast<std::uint8_t>(Errc::kNotFound);
  if (error != 0 && !creatable) return {error, {}, 0};
  make_parents(path, change.permission | 0300, change.owner, change.group, change.time_ms);
  FileStatus status;
  status.kind = FileKind::kDirectory;
  status.permission = change.permission;
  status.owner = change.owner;
  status.group = change.group;
  return {0, {}, add(path, status, change.time_ms)};
}

Outcome NamespaceModel::commit(const CommittedFile& file, std::int64_t time_ms,
                               const Staged* staged, const FileTimes& times) {
  const std::string path = canonical(file.path);
  if (path.empty() || file.permission > 01777 || file.replication == 0 || file.block_size == 0) {
    return fail(Errc::kInvalidArgument);
  }
  for (std::size_t i = 0; i < file.blocks.size(); ++i) {
    const std::uint64_t length = file.blocks[i].length;
    if (length == 0 || length > file.block_size) return fail(Errc::kInvalidArgument);
    if (i + 1 < file.blocks.size() && length != file.block_size) {
      return fail(Errc::kInvalidArgument);
    }
  }
  if (is_directory(path)) return fail(Errc::kIsADirectory);
  if (is_file(path) && !file.overwrite) return fail(Errc::kAlreadyExists);
  const std::uint8_t error = parent_error(path);
  const bool creatable = file.parents && error == static_cast<std::uint8_t>(Errc::kNotFound);
  if (error != 0 && !creatable) return {error, {}, 0};
  if (const Outcome bad = check_ids(file.blocks); !bad.ok()) return bad;

  std::string nearest = parent_of(path);
  while (!is_directory(nearest)) nearest = parent_of(nearest);
  make_parents(path, entries_[nearest].status.permission | 0300, file.owner, file.group, time_ms);
  for (const Block& old : entries_[path].blocks) owned_.erase(old.id.value);
  FileStatus status;
  status.kind = FileKind::kFile;
  status.permission = file.permission;
  status.owner = file.owner;
  status.group = file.group;
  status.accessed_ms = times.accessed_ms == kKeepTime ? time_ms : times.accessed_ms;
  status.block_size = file.block_size;
  status.replication = file.replication;
  status.compression = file.compression;
  if (staged != nullptr) status.id = staged->id;
  std::vector<Block> blocks = staged != nullptr ? staged->blocks : std::vector<Block>();
  blocks.insert(blocks.end(), file.blocks.begin(), file.blocks.end());
  for (const Block& block : blocks) status.length += block.length;
  const std::uint64_t id = add(path, status, time_ms);
  if (times.modified_ms != kKeepTime) entries_[path].status.modified_ms = times.modified_ms;
  entries_[path].blocks = std::move(blocks);
  for (const Block& block : file.blocks) owned_.insert(block.id.value);
  return {0, {}, id};
}

Outcome NamespaceModel::check_ids(const std::vector<Block>& blocks) const {
  std::set<std::uint64_t> ids;
  for (const Block& block : blocks) {
    if (!ids.insert(block.id.value).second) return fail(Errc::kInvalidArgument);
  }
  for (const std::uint64_t id : ids) {
    const bool marked = marks_.count(id >> 31) != 0 && id % (1ULL << 31) != 0;
    if (id == 0 || (id >= next_block_ && !marked)) return fail(Errc::kInvalidArgument);
    if (owned_.count(id) != 0) return fail(Errc::kAlreadyExists);
    if (retired_.count(id) != 0) return fail(Errc::kExpired);
  }
  return {};
}

Outcome NamespaceModel::file_error(const std::string& path, Errc if_directory) const {
  if (path.empty()) return fail(Errc::kInvalidArgument);
  if (path != "/") {
    if (const std::uint8_t error = parent_error(path); error != 0) return {error, {}, 0};
  }
  if (entries_.count(path) == 0) return fail(Errc::kNotFound);
  return is_directory(path) ? fail(if_directory) : Outcome{};
}

Outcome NamespaceModel::append(const AppendBlocks& change) {
  const auto at = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return entry.second.status.id == change.file && is_file(entry.first);
  });
  if (at == entries_.end()) {
    const Outcome error = file_error(canonical(change.path), Errc::kIsADirectory);
    return error.ok() ? fail(Errc::kStale) : error;
  }
  ModelEntry& entry = at->second;
  if (entry.status.length != change.length) {
    return {static_cast<std::uint8_t>(Errc::kStale), {}, entry.status.length};
  }
  for (const Block& block : change.blocks) {
    const bool fits = block.length >= 1 && block.length <= entry.status.block_size;
    if (!fits || block.generation == 0) return fail(Errc::kInvalidArgument);
  }
  if (const Outcome bad = check_ids(change.blocks); !bad.ok()) return bad;
  for (const Block& block : change.blocks) {
    entry.blocks.push_back(block);
    entry.status.length += block.length;
    owned_.insert(block.id.value);
  }
  entry.status.modified_ms = change.time_ms;
  return {0, {}, entry.status.id.value};
}

Outcome NamespaceModel::concat(const ConcatFiles& change) {
  if (change.sources.empty()) return fail(Errc::kInvalidArgument);
  const std::string target = canonical(change.target);
  if (const Outcome bad = file_error(target, Errc::kIsADirectory); !bad.ok()) return bad;
  std::vector<std::string> sources;
  for (const auto& written : change.sources) {
    const std::string source = canonical(written);
    if (const Outcome bad = file_error(source, Errc::kInvalidArgument); !bad.ok()) return bad;
    const ModelEntry& entry = entries_[source];
    if (source == target || parent_of(source) != parent_of(target) || entry.blocks.empty() ||
        entry.status.block_size > entries_[target].status.block_size) {
      return fail(Errc::kInvalidArgument);
    }
    sources.push_back(source);
  }
  if (std::set<std::string>(sources.begin(), sources.end()).size() != sources.size()) {
    return fail(Errc::kInvalidArgument);
  }
  ModelEntry& grown = entries_[target];
  for (const auto& source : sources) {
    const ModelEntry& entry = entries_[source];
    grown.blocks.insert(grown.blocks.end(), entry.blocks.begin(), entry.blocks.end());
    grown.status.length += entry.status.length;
    entries_.erase(source);
  }
  grown.status.modified_ms = change.time_ms;
  entries_[parent_of(target)].status.modified_ms = change.time_ms;
  return {0, {}, grown.status.id.value};
}

Outcome NamespaceModel::set_owner(const EntryOwner& entry) {
  const std::string path = canonical(entry.path);
  if (path.empty() || (entry.owner.empty() && entry.group.empty())) {
    return fail(Errc::kInvalidArgument);
  }
  if (path != "/") {
    if (const std::uint8_t error = parent_error(path); error != 0) return {error, {}, 0};
  }
  if (entries_.count(path) == 0) return fail(Errc::kNotFound);
  FileStatus& status = entries_[path].status;
  if (!entry.owner.empty()) status.owner = entry.owner;
  if (!entry.group.empty()) status.group = entry.group;
  return {0, {}, status.id.value};
}

Outcome NamespaceModel::rename(const Rename& change) {
  const std::string source = canonical(change.source);
  std::string target = canonical(change.target);
  if (source.empty() || target.empty() || source == "/") return fail(Errc::kInvalidArgument);
  if (const std::uint8_t error = parent_error(source); error != 0) return {error, {}, 0};
  if (entries_.count(source) == 0) return fail(Errc::kNotFound);
  if (target != "/") {
    if (const std::uint8_t error = parent_error(target); error != 0) return {error, {}, 0};
  }
  if (is_directory(target)) target = join(target, name_of(source));
  if (target.starts_with(source + "/")) return fail(Errc::kInvalidArgument);
  const std::uint64_t id = entries_[source].status.id.value;
  if (target == source && is_file(source)) return {0, {}, id};
  if (entries_.count(target) != 0) return fail(Errc::kAlreadyExists);
  move_tree(source, target, change.time_ms);
  return {0, {}, id};
}

Outcome NamespaceModel::rename_exactly(const RenameExactly& change) {
  const std::string source = canonical(change.source);
  const std::string target = canonical(change.target);
  if (source.empty() || target.empty() || source == "/") return fail(Errc::kInvalidArgument);
  if (const std::uint8_t error = parent_error(source); error != 0) return {error, {}, 0};
  if (entries_.count(source) == 0) return fail(Errc::kNotFound);
  if (target == source) return fail(Errc::kAlreadyExists);
  if (target == "/" || target.starts_with(source + "/")) return fail(Errc::kInvalidArgument);
  if (const std::uint8_t error = parent_error(target); error != 0) return {error, {}, 0};
  if (const auto there = entries_.find(target); there != entries_.end()) {
    if (is_directory(target) != is_directory(source)) return fail(Errc::kIsADirectory);
    if (!change.overwrite) return fail(Errc::kAlreadyExists);
    if (has_children(target)) return fail(Errc::kNotEmpty);
    for (const Block& block : there->second.blocks) owned_.erase(block.id.value);
    entries_.erase(there);
  }
  const std::uint64_t id = entries_[source].status.id.value;
  move_tree(source, target, change.time_ms);
  return {0, {}, id};
}

void NamespaceModel::move_tree(const std::string& source, const std::string& target,
                               std::int64_t time_ms) {
  std::map<std::string, ModelEntry> moved;
  for (auto at = entries_.begin(); at != entries_.end();) {
    if (at->first == source || at->first.starts_with(source + "/")) {
      moved[target + at->first.substr(source.size())] = std::move(at->second);
      at = entries_.erase(at);
    } else {
      ++at;
    }
  }
  moved[target].status.name = name_of(target);
  entries_.merge(moved);
  entries_[parent_of(source)].status.modified_ms = time_ms;
  entries_[parent_of(target)].status.modified_ms = time_ms;
}

Outcome NamespaceModel::remove(const Remove& change) {
  const std::string path = canonical(change.path);
  if (path.empty() || path == "/") return fail(Errc::kInvalidArgument);
  if (const std::uint8_t error = parent_error(path); error != 0) return {error, {}, 0};
  if (entries_.count(path) == 0) return fail(Errc::kNotFound);
  if (has_children(path) && !change.recursive) return fail(Errc::kNotEmpty);
  const std::uint64_t id = entries_[path].status.id.value;
  // The blocks of a single file are free at once, those of a tree only when they are purged.
  for (const Block& block : entries_[path].blocks) owned_.erase(block.id.value);
  std::erase_if(entries_, [&](const auto& entry) {
    return entry.first == path || entry.first.starts_with(path + "/");
  });
  entries_[parent_of(path)].status.modified_ms = change.time_ms;
  return {0, {}, id};
}

Outcome NamespaceModel::set_attributes(const EntryAttributes& entry) {
  const std::string path = canonical(entry.path);
  if (path.empty() || entry.permission < -1 || entry.permission > 01777) {
    return fail(Errc::kInvalidArgument);
  }
  if (path != "/") {
    if (const std::uint8_t error = parent_error(path); error != 0) return {error, {}, 0};
  }
  if (entries_.count(path) == 0) return fail(Errc::kNotFound);
  FileStatus& status = entries_[path].status;
  if (entry.permission >= 0) status.permission = static_cast<std::uint16_t>(entry.permission);
  if (entry.modified_ms != INT64_MIN) status.modified_ms = entry.modified_ms;
  if (is_file(path) && entry.accessed_ms != INT64_MIN) status.accessed_ms = entry.accessed_ms;
  return {0, {}, status.id.value};
}

Outcome NamespaceModel::set_replication(const SetReplication& change) {
  const std::string path = canonical(change.path);
  if (path.empty() || change.replication == 0) return fail(Errc::kInvalidArgument);
  if (path == "/") return fail(Errc::kIsADirectory);
  if (const std::uint8_t error = parent_error(path); error != 0) return {error, {}, 0};
  if (entries_.count(path) == 0) return fail(Errc::kNotFound);
  if (is_directory(path)) return fail(Errc::kIsADirectory);
  entries_[path].status.replication = change.replication;
  return {0, {}, entries_[path].status.id.value};
}

// Whether a run of blocks may be staged; `seen` are those of the runs before it.
Outcome NamespaceModel::check_run(const BlockRange& run, std::set<std::uint64_t>& seen) const {
  if (run.first.value == 0 || run.count == 0) return fail(Errc::kInvalidArgument);
  const std::uint64_t end = run.first.value + run.count;
  for (std::uint64_t id = run.first.value; id < end; ++id) {
    if (!seen.insert(id).second) return fail(Errc::kInvalidArgument);
  }
  for (std::uint64_t id = run.first.value; id < end; ++id) {
    const bool marked = marks_.count(id >> 31) != 0 && id % (1ULL << 31) != 0;
    if (id >= next_block_ && !marked) return fail(Errc::kInvalidArgument);
  }
  for (std::uint64_t id = run.first.value; id < end; ++id) {
    if (owned_.count(id) != 0) return fail(Errc::kAlreadyExists);
  }
  for (std::uint64_t id = run.first.value; id < end; ++id) {
    if (retired_.count(id) != 0) return fail(Errc::kExpired);
  }
  return {};
}

Outcome NamespaceModel::stage(const StageBlocks& change) {
  std::uint64_t count = 0;
  for (const BlockRange& run : change.blocks) count += run.count;
  if (change.session == 0 || change.client.is_none() || change.block_size == 0 ||
      change.replication == 0 || change.generation == 0 || count == 0) {
    return fail(Errc::kInvalidArgument);
  }
  const auto known = staged_.find(change.session);
  if (known == staged_.end() && change.position != 0) return fail(Errc::kExpired);
  if (known != staged_.end()) {
    const Staged& staged = known->second;
    if (staged.client != change.client) return fail(Errc::kPermissionDenied);
    if (staged.block_size != change.block_size || staged.replication != change.replication) {
      return fail(Errc::kInvalidArgument);
    }
    if (staged.blocks.size() != change.position) return fail(Errc::kStale);
  }
  std::set<std::uint64_t> seen;
  for (const BlockRange& run : change.blocks) {
    if (const Outcome bad = check_run(run, seen); !bad.ok()) return bad;
  }
  Staged& staged = staged_[change.session];
  if (known == staged_.end()) {
    staged = {change.client, InodeId{next_inode_++}, change.block_size, change.replication, {}};
  }
  for (const BlockRange& run : change.blocks) {
    for (std::uint64_t i = 0; i < run.count; ++i) {
      const BlockId id{run.first.value + i};
      staged.blocks.push_back({id, change.generation, change.block_size});
      owned_.insert(id.value);
    }
  }
  return {0, {}, staged.blocks.size()};
}

Outcome NamespaceModel::commit_staged(const CommitStaged& change, const FileTimes& times) {
  const auto known = staged_.find(change.session);
  if (known == staged_.end()) return fail(Errc::kExpired);
  const Staged& staged = known->second;
  if (staged.client != change.client) return fail(Errc::kPermissionDenied);
  if (staged.blocks.size() != change.staged || staged.block_size != change.file.block_size ||
      staged.replication != change.file.replication) {
    return fail(Errc::kInvalidArgument);
  }
  const Outcome outcome = commit(change.file, change.time_ms, &staged, times);
  if (outcome.ok()) staged_.erase(known);
  return outcome;
}

ChangeReply NamespaceModel::commit_dated(const CommitDated& change) {
  ChangeReply reply;
  for (std::size_t i = 0; i < change.files.size(); ++i) {
    if (change.times.size() != change.files.size()) {
      reply.outcomes.push_back(fail(Errc::kInvalidArgument));
    } else if (change.staged == 0) {
      reply.outcomes.push_back(commit(change.files[i], change.time_ms, nullptr, change.times[i]));
    } else {
      reply.outcomes.push_back(commit_staged({change.request, change.time_ms, change.client,
                                              change.session, change.staged, change.files[i]},
                                             change.times[i]));
    }
  }
  return reply;
}

Outcome NamespaceModel::drop_staged(const DropStaged& change) {
  const auto known = staged_.find(change.session);
  if (known == staged_.end()) return {};
  const std::uint64_t count = known->second.blocks.size();
  for (const Block& block : known->second.blocks) owned_.erase(block.id.value);
  staged_.erase(known);
  return {0, {}, count};
}

Outcome NamespaceModel::reserve(const ReserveBlockIds& change) {
  if (change.count == 0) return fail(Errc::kInvalidArgument);
  const std::uint64_t first = next_block_;
  next_block_ += change.count;
  return {0, {}, first};
}

Outcome NamespaceModel::begin_leadership(std::uint64_t number, BlockMark mark) {
  if (number == 0 || mark == 0) return fail(Errc::kInvalidArgument);
  if (number < leadership_) return fail(Errc::kStale);
  if (given_up_marks_.count(mark) != 0) return fail(Errc::kAlreadyExists);
  if (!marks_.insert(mark).second) return fail(Errc::kAlreadyExists);
  leadership_ = number;
  return {0, {}, number};
}

Outcome NamespaceModel::begin_life(const BeginLife& change) {
  if (change.life.is_none()) return fail(Errc::kInvalidArgument);
  Outcome outcome = begin_leadership(change.number, change.mark);
  if (outcome.ok()) given_up_marks_.insert(change.marks.begin(), change.marks.end());
  return outcome;
}

Outcome NamespaceModel::retire(const RetireBlockIds& change) {
  Outcome outcome;
  for (const BlockRange& range : change.ranges) {
    if (range.first.value == 0 || range.count == 0) return fail(Errc::kInvalidArgument);
  }
  for (const BlockRange& range : change.ranges) {
    for (std::uint64_t i = 0; i < range.count; ++i) {
      const std::uint64_t id = range.first.value + i;
      if (owned_.count(id) != 0) continue;
      retired_.insert(id);
      ++outcome.value;
    }
  }
  return outcome;
}

ChangeReply NamespaceModel::apply(const Change& change) {
  struct Visitor {
    NamespaceModel& model;
    ChangeReply operator()(const MakeDirectory& x) { return {{model.make_directory(x)}}; }
    ChangeReply operator()(const CommitFiles& x) {
      ChangeReply reply;
      for (const auto& file : x.files) reply.outcomes.push_back(model.commit(file, x.time_ms));
      return reply;
    }
    ChangeReply operator()(const Rename& x) { return {{model.rename(x)}}; }
    ChangeReply operator()(const RenameExactly& x) { return {{model.rename_exactly(x)}}; }
    ChangeReply operator()(const Remove& x) { return {{model.remove(x)}}; }
    ChangeReply operator()(const SetReplication& x) { return {{model.set_replication(x)}}; }
    ChangeReply operator()(const SetAttributes& x) {
      ChangeReply reply;
      for (const auto& entry : x.entries) reply.outcomes.push_back(model.set_attributes(entry));
      return reply;
    }
    ChangeReply operator()(const SetOwner& x) {
      ChangeReply reply;
      for (const auto& entry : x.entries) reply.outcomes.push_back(model.set_owner(entry));
      return reply;
    }
    ChangeReply operator()(const AppendBlocks& x) { return {{model.append(x)}}; }
    ChangeReply operator()(const ConcatFiles& x) { return {{model.concat(x)}}; }
    ChangeReply operator()(const ReserveBlockIds& x) { return {{model.reserve(x)}}; }
    ChangeReply operator()(const BeginLeadership& x) {
      return {{model.begin_leadership(x.number, x.mark)}};
    }
    ChangeReply operator()(const BeginLife& x) { return {{model.begin_life(x)}}; }
    ChangeReply operator()(const RetireBlockIds& x) { return {{model.retire(x)}}; }
    ChangeReply operator()(const StageBlocks& x) { return {{model.stage(x)}}; }
    ChangeReply operator()(const CommitStaged& x) { return {{model.commit_staged(x)}}; }
    ChangeReply operator()(const CommitDated& x) { return model.commit_dated(x); }
    ChangeReply operator()(const MarkNamespace&) { return {{Outcome{}}}; }
    ChangeReply operator()(const DropStaged& x) { return {{model.drop_staged(x)}}; }
    ChangeReply operator()(const SetNodeAdmin&) { return {{Outcome{}}}; }
    ChangeReply operator()(const PurgeRemoved&) {
      model.owned_ = model.blocks();
      return {{Outcome{}}};
    }
  };
  return std::visit(Visitor{*this}, change);
}

std::map<std::string, ModelEntry> NamespaceModel::entries() const {
  auto out = entries_;
  for (const auto& entry : entries_) {
    if (entry.first != "/") ++out[parent_of(entry.first)].status.children;
  }
  return out;
}

std::set<std::uint64_t> NamespaceModel::blocks() const {
  std::set<std::uint64_t> ids;
  for (const auto& entry : entries_) {
    for (const Block& block : entry.second.blocks) ids.insert(block.id.value);
  }
  for (const auto& staged : staged_) {
    for (const Block& block : staged.second.blocks) ids.insert(block.id.value);
  }
  return ids;
}

}  // namespace minidfs::metadata::test
