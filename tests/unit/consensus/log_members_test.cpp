// Three members in one process over loopback.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/file.hpp"
#include "fixture.hpp"

namespace minidfs::consensus::test {
namespace {

// Three ports that were free a moment ago.
std::vector<Member> three_members() {
  std::vector<Member> members;
  std::vector<UniqueFd> sockets;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    members.push_back({id, "127.0.0.1:" + std::to_string(ntohs(address.sin_port))});
    sockets.push_back(std::move(fd));
  }
  return members;
}

// Wakes the test whenever a batch was committed.
struct WatchedState : MemoryState {
  std::mutex mutex;
  std::condition_variable changed;
  Status commit_batch() override {
    const std::lock_guard lock(mutex);
    auto status = MemoryState::commit_batch();
    changed.notify_all();
    return status;
  }
  bool wait_for_commands(std::uint64_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kDeadline, [&] { return committed() >= count; });
  }
};

struct Node {
  TemporaryDirectory directory;
  WatchedState state;
  std::unique_ptr<Log> log;
  std::unique_ptr<Proposer> proposer;
};

// Asks all members in turn until one takes the command; that one is the leader.
Node& propose_somewhere(std::vector<std::unique_ptr<Node>>& nodes, const std::string& command) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (std::chrono::steady_clock::now() < deadline) {
    for (auto& node : nodes) {
      if (!node->log) continue;
      const auto reply = node->proposer->propose_and_wait(command);
      if (reply.ok()) return *node;
      REQUIRE(reply.error().code == Errc::kNotLeader);
    }
  }
  FAIL("no leader was found");
  return *nodes[0];
}

}  // namespace

TEST_CASE("three members elect a leader, apply the same commands, and survive losing it") {
  const auto members = three_members();
  std::vector<std::unique_ptr<Node>> nodes;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    auto& node = *nodes.emplace_back(std::make_unique<Node>());
    auto options = options_for(node.directory.path());
    options.member_id = id;
    options.members = members;
    node.log = open_log(options, node.state);
    node.proposer = std::make_unique<Proposer>(*node.log);
  }
  Node& leader = propose_somewhere(nodes, "first");
  CHECK(leader.log->is_leader());
  fill(*leader.log, "c", 500);
  for (auto& node : nodes) REQUIRE(node->state.wait_for_commands(501));
  for (auto& node : nodes) {
    if (node.get() == &leader) continue;
    CHECK_FALSE(node->log->is_leader());
    CHECK(node->proposer->propose_and_wait("x").error().code == Errc::kNotLeader);
  }
  leader.log.reset();
  Node& next = propose_somewhere(nodes, "second");
  CHECK(&next != &leader);
  for (auto& node : nodes) {
    if (node.get() != &leader) REQUIRE(node->state.wait_for_commands(502));
  }
  for (auto& node : nodes) node->log.reset();
  CHECK(next.state.commands.back() == "second");
  for (auto& node : nodes) {
    const std::vector<std::string> head(node->state.commands.begin(),
                                        node->state.commands.begin() + 501);
    CHECK(head ==
          std::vector<std::string>(next.state.commands.begin(), next.state.commands.begin() + 501));
  }
}

}  // namespace minidfs::consensus::test
