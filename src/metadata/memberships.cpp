#include "metadata/memberships.hpp"

#include <algorithm>
#include <iterator>

namespace minidfs::metadata {

Memberships::Memberships(const MembershipOptions& options, const KnownEpoch& known,
                         const std::vector<Endpoint>& given)
    : options_(options), authority_(known) {
  MDFS_ASSERT(!given.empty());
  for (const auto& address : given) add(address, true);
}

void Memberships::add(const Endpoint& address, bool given) {
  const bool known = std::any_of(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return entry.second.address == address;
  });
  if (known) return;
  auto options = options_;
  options.seed += ++last_number_;
  entries_.emplace(last_number_, Entry{address, given, 0, Membership(options, authority_)});
}

std::vector<MembershipStep> Memberships::step(MembershipNumber number, const MembershipEvent& event,
                                              TimePoint now) {
  const auto found = entries_.find(number);
  if (found == entries_.end()) return {};
  const bool was_led = is_led();
  std::vector<MembershipStep> steps;
  for (auto& effect : found->second.membership.step(event, now)) {
    steps.push_back({number, std::move(effect)});
  }
  authority_.set_led(is_led());
  if (!was_led || authority_.is_led()) return steps;
  for (auto& [other, entry] : entries_) {
    if (other == number) continue;
    for (auto& effect : entry.membership.step(HeartbeatWanted{}, now)) {
      steps.push_back({other, std::move(effect)});
    }
  }
  return steps;
}

bool Memberships::is_led() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const auto& entry) { return entry.second.membership.leads(); });
}

std::vector<MembershipStep> Memberships::wake(TimePoint now) {
  std::vector<MembershipStep> steps;
  for (auto& [number, entry] : entries_) {
    const auto due = entry.membership.next_wake();
    if (!due.has_value() || *due > now) continue;
    auto more = step(number, Woken{}, now);
    std::move(more.begin(), more.end(), std::back_inserter(steps));
  }
  return steps;
}

std::vector<MembershipStep> Memberships::leave(TimePoint now) {
  std::vector<MembershipStep> steps;
  for (auto& [number, entry] : entries_) {
    for (auto& effect : entry.membership.step(LeaveWanted{}, now)) {
      steps.push_back({number, std::move(effect)});
    }
  }
  return steps;
}

std::vector<MembershipNumber> Memberships::numbers() const {
  std::vector<MembershipNumber> numbers;
  for (const auto& [number, entry] : entries_) numbers.push_back(number);
  return numbers;
}

std::optional<TimePoint> Memberships::next_wake() const {
  std::optional<TimePoint> next;
  for (const auto& [number, entry] : entries_) {
    const auto due = entry.membership.next_wake();
    if (due.has_value()) next = next ? std::min(*next, *due) : due;
  }
  return next;
}

void Memberships::learn(MembershipNumber number, const QuorumView& view) {
  const auto found = entries_.find(number);
  if (found == entries_.end() || view.self == 0) return;
  if (is_twin(number, view.self)) {
    entries_.erase(found);
    return;
  }
  found->second.member = view.self;
  if (view.leads() && view.term >= term_) {
    term_ = view.term;
    members_ = view.members;
  } else if (term_ == 0) {
    for (const auto& member : view.members) {
      if (std::find(members_.begin(), members_.end(), member) == members_.end()) {
        members_.push_back(member);
      }
    }
  } else {
    return;
  }
  follow_members();
}

// Whether the same namenode answers at another address, too.
bool Memberships::is_twin(MembershipNumber number, QuorumId member) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return entry.first != number && entry.second.member == member;
  });
}

void Memberships::follow_members() {
  std::erase_if(entries_, [this](const auto& numbered) {
    const Entry& entry = numbered.second;
    return !entry.given && std::none_of(members_.begin(), members_.end(), [&](const auto& member) {
      return member.address == entry.address ||
             (entry.membership.is_member() && member.id == entry.member);
    });
  });
  for (const auto& member : members_) {
    const bool reached = std::any_of(entries_.begin(), entries_.end(), [&](const auto& numbered) {
      return numbered.second.member == member.id && numbered.second.membership.is_member();
    });
    if (!reached && !member.address.host.empty()) add(member.address, false);
  }
}

}  // namespace minidfs::metadata
