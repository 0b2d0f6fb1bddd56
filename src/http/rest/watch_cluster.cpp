#include "http/rest/watch_cluster.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include "base/wall_clock.hpp"
#include "client/async/async_names.hpp"
#include "net/wait.hpp"

namespace minidfs::http::rest {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLookEvery{2};
constexpr int kLooksOfSample = 5;
// So long after somebody has asked for events it looks more often.
constexpr int kWantedLooks = 15;

// How long a namenode has for its answer: longer than an election takes.
constexpr std::chrono::milliseconds kPatience{4000};

asio::awaitable<void> look(client::ClientContext& context, ClusterHistory& history) {
  const actors::StatusRequest question;
  const auto status = co_await client::ask(context, question, kPatience);
  if (!status.ok()) {
    history.look(wall_clock_ms(), std::nullopt);
    co_return;
  }
  std::optional<actors::QuorumReply> members;
  const actors::QuorumRequest members_question{false};
  auto quorum = co_await client::ask(context, members_question, kPatience);
  if (quorum.ok()) members = *std::move(quorum);
  history.look(wall_clock_ms(), view_of(*status, members));
}

}  // namespace

asio::awaitable<void> watch_cluster(ContextSource& cluster, const Traffic& traffic,
                                    ClusterHistory& history) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  auto sampled = Clock::now();
  int wanted = 0;
  for (int tick = 1;; ++tick) {
    timer.expires_after(kLookEvery);
    co_await net::wait(timer);
    const bool sample = tick % kLooksOfSample == 0;
    if (history.wanted()) wanted = kWantedLooks;
    if (sample || wanted > 0) co_await look(cluster.get(), history);
    if (wanted > 0) --wanted;
    if (!sample) continue;
    const auto now = Clock::now();
    const std::chrono::duration<double> passed = now - sampled;
    sampled = now;
    history.sample(wall_clock_ms(), passed.count(), traffic.counts());
  }
}

}  // namespace minidfs::http::rest
