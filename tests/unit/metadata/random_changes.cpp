#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "unit/metadata/namespace_model.hpp"

namespace minidfs::metadata::test {

std::string RandomChanges::path() {
  if (one_in(40)) {
    const std::string strange[] = {
        "/",  "",         "a",     "/a/../b",   "/./a",
        "//", "/a//b///", "/a/b/", "/\xFF\xFE", "/a/" + std::string(256, 'n')};
    return strange[below(std::size(strange))];
  }
  std::string out;
  const std::uint64_t depth = 1 + below(4);
  for (std::uint64_t i = 0; i < depth; ++i) {
    out += '/';
    out += static_cast<char>('a' + below(3));
  }
  return out;
}

RequestId RandomChanges::request() {
  if (!protect_ || one_in(10)) return {};
  const std::uint64_t client = below(3);
  RequestId request{ClientId{0, client + 1}, ++sequences_[client], 0};
  if (request.sequence > 8) request.acknowledged_below = request.sequence - 8;
  // Asked again: an answer that is still kept.
  if (request.sequence > 4 && one_in(5)) {
    --sequences_[client];
    request.sequence -= 1 + below(3);
  }
  return request;
}

std::uint64_t RandomChanges::block_id() {
  if (one_in(30)) return below(next_block_ + 10);
  if (mark_ != 0 && one_in(2)) return first_of(mark_).value + next_count_++ - 1;
  return next_block_++;
}

RetireBlockIds RandomChanges::retire() {
  RetireBlockIds change;
  const std::uint64_t count = 1 + below(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    const bool marked = mark_ != 0 && one_in(2);
    const std::uint64_t first =
        marked ? first_of(mark_).value + below(next_count_ + 5) : below(next_block_ + 5);
    change.ranges.push_back({BlockId{first}, one_in(30) ? 0 : 1 + below(6)});
  }
  return change;
}

SetAttributes RandomChanges::attributes() {
  SetAttributes change{request(), time_ms_, {}};
  const std::uint64_t count = 1 + below(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    EntryAttributes entry;
    entry.path = path();
    if (one_in(2)) entry.permission = static_cast<std::int32_t>(one_in(30) ? 02000 : below(01000));
    if (one_in(2)) entry.modified_ms = static_cast<std::int64_t>(below(5000)) - 1000;
    if (one_in(2)) entry.accessed_ms = static_cast<std::int64_t>(below(5000)) - 1000;
    change.entries.push_back(std::move(entry));
  }
  return change;
}

SetOwner RandomChanges::owners() {
  SetOwner change{request(), time_ms_, {}};
  const std::uint64_t count = 1 + below(3);
  const std::string names[] = {"", "ann", "carol"};
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto& owner = names[below(3)];
    change.entries.push_back({path(), owner, names[below(3)]});
  }
  return change;
}

AppendBlocks RandomChanges::append() {
  AppendBlocks change;
  change.request = request();
  change.time_ms = time_ms_;
  change.path = path();
  change.file = InodeId{below(200)};
  if (known_ != nullptr && !one_in(10)) {
    std::vector<std::pair<std::string, FileStatus>> files;
    for (const auto& [path, entry] : known_->entries()) {
      if (entry.status.kind == FileKind::kFile) files.emplace_back(path, entry.status);
    }
    if (!files.empty()) {
      const auto& [at, status] = files[below(files.size())];
      if (!one_in(10)) change.path = at;
      change.file = status.id;
      change.length = one_in(20) ? below(300) : status.length;
    }
  }
  const std::uint64_t count = below(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t length = one_in(2) ? 50 * (1 + below(2)) : 1 + below(100);
    change.blocks.push_back({BlockId{block_id()}, one_in(50) ? 0 : 1 + below(5), length});
  }
  return change;
}

// Mostly of one directory.
ConcatFiles RandomChanges::concat() {
  ConcatFiles change{request(), time_ms_, path(), {}};
  const std::string directory = change.target.substr(0, change.target.rfind('/') + 1);
  const std::uint64_t count = one_in(20) ? 0 : 1 + below(2);
  for (std::uint64_t i = 0; i < count; ++i) {
    const char name = static_cast<char>('a' + below(3));
    change.sources.push_back(one_in(20) ? path() : directory + name);
  }
  return change;
}

std::int64_t RandomChanges::time() {
  return one_in(4) ? kKeepTime : static_cast<std::int64_t>(below(5000)) - 1000;
}

CommitDated RandomChanges::dated(CommittedFile file) {
  CommitDated commit{request(), time_ms_, {}, 0, 0, {std::move(file)}, {}};
  while (one_in(2)) commit.files.push_back(this->file());
  for (std::size_t i = 0; i < commit.files.size(); ++i) {
    const std::int64_t modified_ms = time();
    commit.times.push_back({modified_ms, time()});
  }
  if (one_in(30)) commit.times.pop_back();
  return commit;
}

CommittedFile RandomChanges::file() {
  CommittedFile file;
  file.path = path();
  file.overwrite = one_in(2);
  file.parents = !one_in(4);
  file.permission = static_cast<std::uint16_t>(one_in(50) ? 02000 : 0600 + below(64));
  file.owner = one_in(2) ? "ann" : "bob";
  file.group = one_in(3) ? "" : "staff";
  file.block_size = one_in(50) ? 0 : 50 * (1 + (one_in(5) ? 0 : 1));
  file.replication = static_cast<std::uint8_t>(below(20) == 0 ? 0 : 1 + below(3));
  file.compression = one_in(2) ? "none" : "zstd:3";
  const std::uint64_t count = below(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    file.blocks.push_back({BlockId{block_id()}, 1 + below(5),
                           i + 1 < count ? file.block_size : 1 + below(file.block_size + 1)});
  }
  return file;
}

BlockRange RandomChanges::run() {
  const std::uint64_t count = 1 + below(3);
  BlockRange run{BlockId{next_block_}, count};
  if (mark_ != 0 && one_in(2)) {
    run.first = BlockId{first_of(mark_).value + next_count_ - 1};
    next_count_ += count;
  } else {
    next_block_ += count;
  }
  if (one_in(30)) run.count = below(5);
  if (one_in(40)) run.first = BlockId{block_id()};
  return run;
}

// Of three sessions, whose parts mostly follow each other.
Change RandomChanges::staging() {
  const std::uint64_t number = below(3);
  const std::uint64_t session = one_in(50) ? 0 : number + 1;
  const ClientId client{one_in(30) ? 1U : 0U, 7};
  const std::uint64_t kind = below(10);
  if (kind == 0 && one_in(2)) return MarkNamespace{number};
  if (kind == 0) {
    staged_[number] = 0;
    return DropStaged{session};
  }
  const std::uint64_t position = one_in(15) ? below(4) : staged_[number];
  if (kind < 4) {
    CommitStaged commit{request(), time_ms_, client, session, position, file()};
    if (!one_in(10)) commit.file.replication = 2;
    staged_[number] = 0;
    if (one_in(2) && commit.staged != 0) {
      return CommitDated{
          commit.request,       time_ms_, client, session, commit.staged, {commit.file},
          {{time(), kKeepTime}}};
    }
    return commit;
  }
  StageBlocks part{request(), time_ms_, client, session, position, 100, 2, 1, {}};
  if (one_in(40)) part.block_size = below(2) * 50;
  if (one_in(40)) part.replication = static_cast<std::uint8_t>(below(2));
  if (one_in(40)) part.generation = 0;
  const std::uint64_t runs = one_in(20) ? 0 : 1 + below(3);
  for (std::uint64_t i = 0; i < runs; ++i) {
    part.blocks.push_back(run());
    staged_[number] += part.blocks.back().count;
  }
  return part;
}

Change RandomChanges::next() {
  time_ms_ += static_cast<std::int64_t>(below(50));
  const std::uint64_t kind = below(100);
  if (kind < 20) {
    const auto permission = static_cast<std::uint16_t>(one_in(50) ? 02000 : below(01000));
    return MakeDirectory{request(),
                         time_ms_,
                         path(),
                         one_in(2),
                         permission,
                         one_in(2) ? "ann" : "",
                         one_in(3) ? "" : "staff"};
  }
  if (kind < 45) {
    CommitFiles commit{request(), time_ms_, {}};
    const std::uint64_t count = 1 + below(3);
    for (std::uint64_t i = 0; i < count; ++i) commit.files.push_back(file());
    if (one_in(4)) return dated(file());
    return commit;
  }
  if (kind < 56) return staging();
  if (kind < 62) return append();
  if (kind < 67) return concat();
  if (kind < 69) return owners();
  if (kind < 75) return Rename{request(), time_ms_, path(), path()};
  if (kind < 79) return RenameExactly{request(), time_ms_, path(), path(), one_in(2)};
  if (kind < 88) return Remove{request(), time_ms_, path(), one_in(2)};
  if (kind < 91) return attributes();
  if (kind < 94) {
    return SetReplication{request(), time_ms_, path(), static_cast<std::uint8_t>(below(5))};
  }
  if (kind < 95) return ReserveBlockIds{below(100)};
  if (kind < 96) return retire();
  if (kind < 97) {
    mark_ = static_cast<BlockMark>(below(40));
    next_count_ = 1 + below(50);
    if (one_in(2)) ++leadership_;
    const LifeId life{0, one_in(5) ? 1 + below(9) : 0};
    if (one_in(4)) {
      const auto given_up = static_cast<BlockMark>(below(40));
      return BeginLife{time_ms_, life, leadership_, mark_, {LifeId{0, 1 + below(9)}}, {given_up}};
    }
    return BeginLeadership{time_ms_, life, leadership_ - below(2), mark_};
  }
  if (kind < 98) {
    const auto admin = one_in(2) ? AdminState::kDecommissioning : AdminState::kInService;
    return SetNodeAdmin{request(), time_ms_, {NodeId{1, 1 + below(5)}, admin, time_ms_}};
  }
  return PurgeRemoved{1'000'000};
}

}  // namespace minidfs::metadata::test
