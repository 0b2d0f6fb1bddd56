#include "actors/owner_actor.hpp"

#include <utility>

namespace minidfs::actors {
namespace {

using storage::NamespaceReader;

// Reading a range beats single look-ups when at least one id in so many is wanted.
constexpr std::uint64_t kRangeDensity = 16;
constexpr std::uint32_t kRangePage = 4096;

// Appends what files own in the range; returns how many those are.
Result<std::size_t> read_range(NamespaceReader& reader, BlockId first, BlockId last,
                               std::uint32_t limit, std::vector<metadata::OwnedBlock>& owned) {
  MDFS_TRY(const auto page, reader.blocks_between(first, last, limit));
  for (const auto& row : page) {
    owned.push_back({{row.id, row.generation, row.length}, row.replication});
  }
  return page.size();
}

Result<BlockOwners> owners_of(NamespaceReader& reader, const std::vector<BlockId>& ids) {
  BlockOwners owners;
  if (ids.empty()) return owners;
  if ((ids.back().value - ids.front().value) / kRangeDensity >= ids.size()) {
    for (const auto id : ids) {
      if (auto count = read_range(reader, id, id, 1, owners.owned); !count.ok()) {
        return std::move(count).error();
      }
    }
    return owners;
  }
  for (BlockId from = ids.front(); from <= ids.back();) {
    MDFS_TRY(const auto count, read_range(reader, from, ids.back(), kRangePage, owners.owned));
    if (count < kRangePage) break;
    from = BlockId{owners.owned.back().block.id.value + 1};
  }
  return owners;
}

CheckBlocksReply with_paths(NamespaceReader& reader, CheckBlocksReply reply) {
  std::vector<BlockProblem> found;
  for (auto& problem : reply.problems) {
    const auto owner = reader.owner_of(problem.block.id);
    if (!owner.ok()) continue;  // Its file was removed meanwhile.
    auto path = reader.path_of(*owner);
    if (!path.ok()) continue;
    problem.path = std::move(*path);
    found.push_back(std::move(problem));
  }
  reply.problems = std::move(found);
  return reply;
}

Result<Leaderships> leaderships_of(NamespaceReader& reader) {
  Leaderships before;
  MDFS_TRY(before.history, reader.history());
  MDFS_TRY(before.staged, reader.staged_files());
  MDFS_TRY(before.node_admins, reader.node_admins());
  MDFS_TRY(before.facts, facts_of(reader));
  return before;
}

}  // namespace

Result<NamespaceFacts> facts_of(NamespaceReader& reader) {
  NamespaceFacts facts;
  MDFS_TRY(const auto counters, reader.counters());
  facts.files = counters.files;
  facts.directories = counters.directories;
  facts.blocks = counters.blocks;
  MDFS_TRY(facts.applied, reader.applied());
  MDFS_TRY(facts.cluster_ms, reader.cluster_ms());
  return facts;
}

OwnerActor::behavior_type owner_actor(OwnerActor::pointer /*self*/,
                                      std::shared_ptr<NamespaceReader> reader) {
  return {
      [reader](const OwnersOf& request) { return to_result(owners_of(*reader, request.blocks)); },
      [reader](const OwnersBetween& request) -> caf::result<BlockOwners> {
        BlockOwners owners;
        const auto count =
            read_range(*reader, request.first, request.last, request.limit, owners.owned);
        if (!count.ok()) return to_caf(count.error());
        return owners;
      },
      [reader](const NamespaceFactsWanted&) { return to_result(facts_of(*reader)); },
      [reader](const KeptReplyOf& request) -> caf::result<KeptReply> {
        auto kept = reader->kept_reply(request.request);
        if (!kept.ok()) return to_caf(kept.error());
        return KeptReply{std::move(kept).value()};
      },
      [reader](PathsOf& request) -> CheckBlocksReply {
        return with_paths(*reader, std::move(request.reply));
      },
      [reader](const LeadershipsWanted&) { return to_result(leaderships_of(*reader)); },
  };
}

}  // namespace minidfs::actors
