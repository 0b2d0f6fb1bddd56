#include "client/quorum_views.hpp"

#include <algorithm>
#include <future>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "client/namenode_calls.hpp"

namespace minidfs::client {
namespace {

using Clock = std::chrono::steady_clock;
using actors::QuorumReply;
using std::chrono::milliseconds;

// However late it is.
constexpr milliseconds kPatienceMin{500};

const QuorumReply* view_of(const std::vector<QuorumReply>& views, std::uint64_t id) {
  const auto found = std::find_if(views.begin(), views.end(),
                                  [&](const QuorumReply& view) { return view.self == id; });
  return found == views.end() ? nullptr : &*found;
}

std::uint64_t own_applied(const QuorumReply& view) {
  for (const auto& each : view.members) {
    if (each.id == view.self) return each.applied;
  }
  return 0;
}

// Of members that have not answered yet.
std::set<std::string> addresses_of_others(const std::vector<QuorumReply>& views) {
  std::set<std::string> addresses;
  for (const auto& view : views) {
    for (const auto& each : view.members) {
      if (view_of(views, each.id) == nullptr) addresses.insert(each.address);
    }
  }
  return addresses;
}

}  // namespace

Namenode namenode_of(const actors::MemberReport& report) {
  return {report.id,       report.address, report.voter, report.state,
          report.replaces, report.applied, report.lag,   report.version};
}

Quorum quorum_of(const actors::QuorumReply& reply) {
  Quorum quorum{reply.leader, reply.term, reply.led_for_ms, {}};
  for (const auto& each : reply.members) quorum.members.push_back(namenode_of(each));
  return quorum;
}

std::vector<QuorumReply> views_of_all(ClientContext& context, Clock::time_point until) {
  const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now());
  const auto patience =
      std::clamp(left, kPatienceMin, std::max(kPatienceMin, context.options.connect_timeout));
  NamenodeCalls calls(ClusterId{}, context.options.credentials);
  const auto ask = [&](const std::string& address) {
    return calls.ask<QuorumReply>(address, actors::QuorumRequest{true}, patience);
  };
  std::vector<QuorumReply> views;
  std::set<std::string> asked;
  std::set<std::string> addresses;
  for (const auto& given : context.options.namenodes) addresses.insert(metadata::to_string(given));
  while (!addresses.empty()) {
    std::vector<std::future<Result<QuorumReply>>> answers;
    for (const auto& address : addresses) {
      if (!asked.insert(address).second) continue;
      answers.push_back(std::async(std::launch::async, ask, address));
    }
    if (answers.empty()) break;
    for (auto& answer : answers) {
      auto view = answer.get();
      if (!view.ok() || view_of(views, view->self) != nullptr) continue;
      if (!views.empty() && view->cluster != views.front().cluster) continue;
      views.push_back(std::move(view).value());
    }
    addresses = addresses_of_others(views);
  }
  return views;
}

Quorum put_together(const std::vector<QuorumReply>& views) {
  const auto newest =
      std::max_element(views.begin(), views.end(), [](const auto& a, const auto& b) {
        const auto rank = [](const QuorumReply& view) {
          return std::tuple(view.term, view.leader == view.self, view.leader != 0);
        };
        return rank(a) < rank(b);
      });
  Quorum quorum{newest->leader, newest->term, newest->leader == 0 ? 0 : newest->led_for_ms, {}};
  std::uint64_t furthest = 0;
  for (const auto& view : views) furthest = std::max(furthest, own_applied(view));
  for (const auto& each : newest->members) {
    auto& member = quorum.members.emplace_back(namenode_of(each));
    if (newest->leader == newest->self) continue;  // It knows best.
    const auto* own = view_of(views, each.id);
    member.state = each.id == quorum.leader ? "leader"
                   : own != nullptr         ? "follower"
                                            : "unreachable";
    if (own == nullptr) continue;
    member.applied = own_applied(*own);
    member.lag = furthest - member.applied;
  }
  return quorum;
}

}  // namespace minidfs::client
