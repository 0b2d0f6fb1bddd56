#include "client/background_work.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "client/polling.hpp"

namespace minidfs::client {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kScrubPoll{200};
constexpr std::chrono::milliseconds kReportsPoll{100};

std::vector<NodeScrub> scrubbed_nodes(const actors::ScrubReply& reply, std::uint64_t request) {
  std::vector<NodeScrub> nodes;
  for (const auto& node : reply.nodes) {
    const auto& scrub = node.scrub;
    nodes.push_back({node.node, metadata::to_string(node.data), node.state,
                     scrub.last_requested >= request, scrub.checked, scrub.total, scrub.bad,
                     scrub.last_end_ms});
  }
  return nodes;
}

}  // namespace

Result<FileCopies> count_copies(ClientContext& context, const std::string& path) {
  FileCopies copies;
  actors::CopiesRequest request{path, 0};
  do {
    auto page = context.link.call(request);
    if (!page.ok()) return with_path(std::move(page).error(), path);
    copies.blocks += page->blocks;
    copies.lacking += page->lacking;
    copies.surplus += page->surplus;
    if (copies.waits_for.empty()) copies.waits_for = std::move(page->waits_for);
    request.offset = page->next;
  } while (request.offset != 0);
  return copies;
}

Result<std::string> check_blocks(ClientContext& context,
                                 const std::function<void(const BlockProblem&)>& take) {
  actors::CheckBlocksRequest request;
  actors::CheckBlocksReply reply;
  const auto until = Clock::now() + context.options.timeout;
  MDFS_CHECK(poll_until(kReportsPoll, [&]() -> Result<bool> {
    MDFS_TRY(reply, context.link.call(request));
    return reply.outstanding.empty() || Clock::now() + kReportsPoll >= until;
  }));
  const auto outstanding = reply.outstanding;
  for (;;) {
    for (auto& problem : reply.problems) {
      take({std::move(problem.path), problem.block.id, problem.block.generation,
            problem.block.length, problem.wanted, problem.readable, problem.live, problem.corrupt});
    }
    request.from = reply.next;
    if (request.from == BlockId()) return outstanding;
    MDFS_TRY(reply, context.link.call(request));
  }
}

Result<std::vector<NodeScrub>> scrub(ClientContext& context, bool wait,
                                     const FileSystem::ScrubProgress& progress) {
  MDFS_TRY(auto reply, context.link.call(actors::ScrubRequest{true}));
  const std::uint64_t request = reply.request;
  auto nodes = scrubbed_nodes(reply, request);
  if (!wait) return nodes;
  MDFS_CHECK(poll_until(kScrubPoll, [&]() -> Result<bool> {
    // A node that dies has nothing to wait for; one that comes back is checked another time.
    if (std::all_of(nodes.begin(), nodes.end(),
                    [](const NodeScrub& node) { return node.done || node.state == "dead"; })) {
      return true;
    }
    if (progress) progress(nodes);
    MDFS_TRY(reply, context.link.call(actors::ScrubRequest{false}));
    nodes = scrubbed_nodes(reply, request);
    return false;
  }));
  return nodes;
}

Result<std::vector<NodeScrub>> scrub_state(ClientContext& context) {
  MDFS_TRY(const auto reply, context.link.call(actors::ScrubRequest{false}));
  return scrubbed_nodes(reply, reply.request);
}

}  // namespace minidfs::client
