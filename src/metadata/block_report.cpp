#include "metadata/block_report.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/codec.hpp"

namespace minidfs::metadata {
namespace {

constexpr std::uint8_t kReportVersion = 1;
constexpr std::size_t kReplicaBytesMin = 3;  // Three varints of one byte.

void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

std::optional<std::uint64_t> get_varint(std::string_view& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (in.empty()) return std::nullopt;
    const auto byte = static_cast<std::uint8_t>(in.front());
    in.remove_prefix(1);
    if (shift == 63 && byte > 1) return std::nullopt;
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

// Differences wrap modulo 2^64, so every pair of values has one; small ones of either sign are
// short.
std::uint64_t zigzag(std::uint64_t from, std::uint64_t to) {
  const std::uint64_t difference = to - from;
  return (difference << 1) ^ (0 - (difference >> 63));
}

std::uint64_t unzigzag(std::uint64_t from, std::uint64_t coded) {
  return from + ((coded >> 1) ^ (0 - (coded & 1)));
}

struct ChunkHeader {
  std::uint8_t version = 0;
  std::uint64_t report = 0;
  std::uint32_t sequence = 0;
  BlockId first;
  BlockId last;
  std::uint32_t count = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ChunkHeader& x) {
  return f(x.version, x.report, x.sequence, x.first, x.last, x.count);
}

Error damaged(const std::string& reason) {
  return {Errc::kCorrupt, "block report chunk: " + reason};
}

Status check_header(const ChunkHeader& header, std::size_t bytes_left) {
  if (header.version != kReportVersion) {
    return Error{Errc::kUnsupported, "block report chunk: version " +
                                         std::to_string(header.version) + ", known is " +
                                         std::to_string(kReportVersion)};
  }
  if (header.first > header.last) {
    return damaged("ids from " + to_string(header.first) + " to " + to_string(header.last));
  }
  if (header.count > kReportChunkReplicasMax || header.count * kReplicaBytesMin > bytes_left) {
    return damaged(std::to_string(header.count) + " replicas in " + std::to_string(bytes_left) +
                   " bytes");
  }
  return {};
}

const OwnedBlock* find_owned(std::span<const OwnedBlock> owned, BlockId block) {
  const auto at = std::lower_bound(owned.begin(), owned.end(), block,
                                   [](const OwnedBlock& o, BlockId id) { return o.block.id < id; });
  return at != owned.end() && at->block.id == block ? &*at : nullptr;
}

void note_state(BlockId block, const BlockMap::Entered& entered, MergeResult& result) {
  if (!entered.owned) {
    result.unowned.push_back(block);
  } else if (entered.state == ReplicaState::kStale) {
    result.stale.push_back(block);
  }
}

bool is_of_its_length(const BlockMap& map, const Block& replica) {
  const auto view = map.find(replica.id);
  return view && view->block.length == replica.length;
}

}  // namespace

std::string encode_report_chunk(const ReportChunk& chunk) {
  MDFS_ASSERT(chunk.replicas.size() <= kReportChunkReplicasMax);
  std::string out;
  ChunkHeader header{kReportVersion, chunk.report,
                     chunk.sequence, chunk.first,
                     chunk.last,     static_cast<std::uint32_t>(chunk.replicas.size())};
  Encoder(out).put(header);
  std::uint64_t next_id = chunk.first.value;
  std::uint64_t generation = 0;
  std::uint64_t length = 0;
  for (const Block& replica : chunk.replicas) {
    MDFS_ASSERT(replica.id.value >= next_id && replica.id <= chunk.last);
    put_varint(out, replica.id.value - next_id);
    put_varint(out, zigzag(generation, replica.generation));
    put_varint(out, zigzag(length, replica.length));
    next_id = replica.id.value + 1;
    generation = replica.generation;
    length = replica.length;
  }
  return out;
}

Result<ReportChunk> decode_report_chunk(std::string_view bytes) {
  ChunkHeader header;
  Decoder decoder(bytes);
  if (!decoder.get(header)) return damaged(std::to_string(bytes.size()) + " bytes, no header");
  std::string_view rest = decoder.rest();
  MDFS_CHECK(check_header(header, rest.size()));
  ReportChunk chunk{header.report, header.sequence, header.first, header.last, {}};
  chunk.replicas.reserve(header.count);
  Block previous{BlockId{header.first.value - 1}, 0, 0};  // Wraps for 0, and wraps back below.
  for (std::uint32_t i = 0; i < header.count; ++i) {
    const auto gap = get_varint(rest);
    const auto generation = get_varint(rest);
    const auto length = get_varint(rest);
    if (!gap || !generation || !length) return damaged("replica " + std::to_string(i) + " is cut");
    // Ids left in the range above the previous one; none once `last` itself was taken.
    const bool exhausted = i > 0 && previous.id == header.last;
    const std::uint64_t next_id = previous.id.value + 1;
    if (exhausted || *gap > header.last.value - next_id) {
      return damaged("replica " + std::to_string(i) + " lies beyond id " + to_string(header.last));
    }
    previous = {BlockId{next_id + *gap}, unzigzag(previous.generation, *generation),
                unzigzag(previous.length, *length)};
    if (previous.generation > BlockMap::kGenerationMax || previous.length > BlockMap::kLengthMax) {
      return damaged("block " + to_string(previous.id) + " of generation " +
                     std::to_string(previous.generation) + " and length " +
                     std::to_string(previous.length));
    }
    chunk.replicas.push_back(previous);
  }
  if (!rest.empty()) return damaged(std::to_string(rest.size()) + " bytes too many");
  return chunk;
}

ReportChunk report_chunk_at(std::uint64_t report, const ReportPosition& position,
                            std::vector<Block> next_replicas) {
  MDFS_ASSERT(next_replicas.size() <= kReportChunkReplicasMax);
  ReportChunk chunk{report, position.sequence, position.first, BlockId{~0ULL}, {}};
  const bool ends = next_replicas.size() < kReportChunkReplicasMax;
  if (!ends) chunk.last = next_replicas.back().id;
  chunk.replicas = std::move(next_replicas);
  return chunk;
}

ReportPosition position_after(const ReportChunk& chunk) {
  MDFS_ASSERT(!chunk.ends_report());
  return {chunk.sequence + 1, BlockId{chunk.last.value + 1}};
}

ReportChunk next_report_chunk(std::uint64_t report, const ReportChunk* previous,
                              std::vector<Block> next_replicas) {
  const auto position = previous == nullptr ? ReportPosition{} : position_after(*previous);
  return report_chunk_at(report, position, std::move(next_replicas));
}

void ChangeCollector::found_corrupt(const Block& replica) {
  const auto [at, created] =
      changes_.try_emplace(replica.id, Change{replica, Kind::kOnlyCorrupt, true});
  const Kind kind = at->second.kind;
  const bool is_there = kind == Kind::kStored || kind == Kind::kBack;
  if (!created && is_there && at->second.replica.generation == replica.generation) {
    at->second.corrupt = true;
  }
}

bool ChangeCollector::brings(BlockId block) const {
  const auto at = changes_.find(block);
  if (at == changes_.end()) return false;
  return at->second.kind == Kind::kStored || at->second.kind == Kind::kBack;
}

IncrementalReport ChangeCollector::take(std::size_t limit) {
  IncrementalReport report;
  auto at = changes_.begin();
  for (std::size_t i = 0; i < limit && at != changes_.end(); ++i, ++at) {
    const Change& change = at->second;
    if (change.corrupt) report.corrupt.push_back(change.replica);
    switch (change.kind) {
      case Kind::kStored:
        report.added.push_back(change.replica);
        break;
      case Kind::kRemoved:
        report.removed.push_back(change.replica);
        break;
      case Kind::kUnreachable:
        report.unreachable.push_back(change.replica);
        break;
      case Kind::kBack:
        report.back.push_back(change.replica);
        break;
      case Kind::kOnlyCorrupt:
        break;
    }
  }
  changes_.erase(changes_.begin(), at);
  return report;
}

void ChangeCollector::put_back(const IncrementalReport& report) {
  absl::btree_map<BlockId, Change> earlier;
  const auto told = [&](const std::vector<Block>& replicas, Kind kind) {
    for (const Block& replica : replicas) earlier[replica.id] = {replica, kind};
  };
  told(report.removed, Kind::kRemoved);
  told(report.unreachable, Kind::kUnreachable);
  told(report.back, Kind::kBack);
  told(report.added, Kind::kStored);
  for (const Block& replica : report.corrupt) {
    const Change only{replica, Kind::kOnlyCorrupt};
    earlier.try_emplace(replica.id, only).first->second.corrupt = true;
  }
  for (const auto& [block, change] : earlier) changes_.try_emplace(block, change);
}

Status ReportProgress::accept(const ReportChunk& chunk) {
  if (chunk.report != report_ || complete_ || chunk.sequence < next_.sequence) {
    return Error{Errc::kStale, "chunk " + std::to_string(chunk.sequence) + " of block report " +
                                   std::to_string(chunk.report) + ": chunk " +
                                   std::to_string(next_.sequence) + " of report " +
                                   std::to_string(report_) + " is awaited"};
  }
  if (chunk.sequence != next_.sequence || chunk.first != next_.first) {
    return Error{Errc::kProtocol, "chunk " + std::to_string(chunk.sequence) + " of block report " +
                                      std::to_string(report_) + " begins at id " +
                                      to_string(chunk.first) + ": chunk " +
                                      std::to_string(next_.sequence) + " from id " +
                                      to_string(next_.first) + " is awaited"};
  }
  complete_ = chunk.ends_report();
  next_ = {next_.sequence + 1, BlockId{chunk.last.value + 1}};
  return {};
}

bool ReportProgress::was_last(const ReportChunk& chunk) const {
  return chunk.report == report_ && chunk.sequence + 1 == next_.sequence;
}

std::vector<BlockId> blocks_to_look_up(const BlockMap& map, std::span<const Block> replicas) {
  std::vector<BlockId> unknown = map.strangers(replicas);
  std::sort(unknown.begin(), unknown.end());
  unknown.erase(std::unique(unknown.begin(), unknown.end()), unknown.end());
  return unknown;
}

std::vector<BlockId> blocks_to_look_up(const BlockMap& map, const IncrementalReport& report) {
  if (report.back.empty()) return blocks_to_look_up(map, report.added);
  std::vector<Block> there = report.added;
  there.insert(there.end(), report.back.begin(), report.back.end());
  return blocks_to_look_up(map, there);
}

MergeResult merge_report_chunk(BlockMap& map, NodeIndex node, const ReportChunk& chunk,
                               std::span<const OwnedBlock> owned) {
  MergeResult result;
  const std::vector<BlockId> before = map.blocks_of(node, chunk.first, chunk.last);
  auto had = before.begin();
  const auto drop_until = [&](std::optional<BlockId> id) {
    for (; had != before.end() && (!id || *had < *id); ++had) {
      if (map.changed_since_report_began(node, *had)) continue;
      map.drop_from_report(node, *had);
      ++result.removed;
    }
  };
  for (const Block& replica : chunk.replicas) {
    drop_until(replica.id);
    const bool known = had != before.end() && *had == replica.id;
    if (known) ++had;
    const OwnedBlock* info = find_owned(owned, replica.id);
    if (map.changed_since_report_began(node, replica.id)) {
      // What the report says of this replica is old, but what the namespace says is not.
      if (info != nullptr && !map.is_owned(replica.id)) map.commit_block(*info, {});
      continue;
    }
    const auto entered =
        map.add_from_report(node, {replica.id, replica.generation, replica.length, false}, info);
    if (!entered) continue;
    if (!known) ++result.added;
    note_state(replica.id, *entered, result);
    if (entered->state == ReplicaState::kCorrupt && is_of_its_length(map, replica)) {
      result.doubted.push_back(replica);
    }
  }
  drop_until(std::nullopt);
  return result;
}

MergeResult apply_incremental(BlockMap& map, NodeIndex node, const IncrementalReport& report,
                              std::span<const OwnedBlock> owned) {
  MergeResult result;
  for (const Block& replica : report.removed) {
    if (map.remove_replica(node, replica.id, replica.generation)) ++result.removed;
  }
  for (const Block& replica : report.unreachable) {
    map.mark_unreachable(node, replica.id, replica.generation);
  }
  const auto add = [&](const Block& replica, bool fresh) {
    const auto state =
        map.add_reported(node, {replica.id, replica.generation, replica.length, fresh},
                         find_owned(owned, replica.id));
    if (!state) return;
    ++result.added;
    note_state(replica.id, {*state, map.is_owned(replica.id)}, result);
  };
  for (const Block& replica : report.back) add(replica, false);
  for (const Block& replica : report.added) add(replica, true);
  for (const Block& replica : report.corrupt) {
    if (map.mark_corrupt(node, replica.id, replica.generation)) continue;
    // Perhaps the report that tells of the replica is still on its way.
    map.add_corrupt(node, replica.id, replica.generation, find_owned(owned, replica.id));
  }
  return result;
}

}  // namespace minidfs::metadata
