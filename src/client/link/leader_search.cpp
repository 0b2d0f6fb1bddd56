#include "client/link/leader_search.hpp"

#include <algorithm>
#include <utility>

namespace minidfs::client {
namespace {

using std::chrono::milliseconds;

}  // namespace

LeaderSearch::LeaderSearch(const LeaderSearchOptions& options)
    : options_(options), random_(options.seed) {
  MDFS_ASSERT(!options_.namenodes.empty());
  for (const auto& address : options_.namenodes) {
    const bool twice = std::any_of(contacts_.begin(), contacts_.end(),
                                   [&](const auto& known) { return known.address == address; });
    if (twice) continue;
    auto& contact = contacts_.emplace_back();
    contact.address = address;
    contact.given = true;
  }
}

std::vector<SearchEffect> LeaderSearch::step(const SearchEvent& event, TimePoint now) {
  now_ = now;
  std::visit([this](const auto& e) { on(e); }, event);
  settle();
  return std::exchange(effects_, {});
}

std::optional<LeaderSearch::TimePoint> LeaderSearch::next_wake() const {
  if (!waits_) return std::nullopt;
  if (is_content()) {
    if (!awaiting_since_) return std::nullopt;
    return *awaiting_since_ + options_.answer_patience;
  }
  auto next = TimePoint::max();
  if (used_ == 0) next = searching_since_ + options_.forget_after;
  if (awaiting_since_) next = *awaiting_since_ + options_.silence_max;
  for (const auto& contact : contacts_) {
    if (contact.state == Contact::State::kAway) {
      next = std::min(next,
                      is_leader(contact) ? contact.dial_at : std::max(contact.dial_at, widen_at_));
    } else if (contact.state == Contact::State::kThere && !contact.asked) {
      next = std::min(next, contact.ask_at);
    }
  }
  if (next == TimePoint::max()) return std::nullopt;
  return next;
}

bool LeaderSearch::reaches_any() const {
  return std::any_of(contacts_.begin(), contacts_.end(),
                     [](const auto& contact) { return contact.state == Contact::State::kThere; });
}

// --- Requests ----------------------------------------------------------------------------------

void LeaderSearch::on(const RequestsWait&) {
  if (std::exchange(waits_, true)) return;
  if (used_ == 0) begin_search();
}

void LeaderSearch::on(const NobodyWaits&) {
  waits_ = false;
  awaiting_since_.reset();
}

void LeaderSearch::on(const RequestSent& event) {
  if (event.connection == used_ && !awaiting_since_) awaiting_since_ = now_;
}

void LeaderSearch::on(const RequestAnswered& event) {
  auto* contact = find(event.connection, Contact::State::kThere);
  if (contact == nullptr) return;
  note_life(*contact);
  if (event.connection != used_) return;
  awaiting_since_ = event.more ? std::optional(now_) : std::nullopt;
}

// --- Connections -------------------------------------------------------------------------------

void LeaderSearch::on(const Dialed& event) {
  auto* contact = find(event.connection, Contact::State::kDialing);
  if (contact == nullptr) return;
  if (event.failure) return dial_failed(*contact, *event.failure);
  contact->state = Contact::State::kThere;
  contact->refused = false;
  contact->denied_below = 0;
  contact->heard = false;
  contact->asked = false;
  widen_at_ = now_ + options_.answer_patience;
  if (is_better(*contact)) use(*contact);
  ask(*contact);
}

void LeaderSearch::dial_failed(Contact& contact, const Error& error) {
  contact.state = Contact::State::kAway;
  contact.member = 0;
  contact.refused = retry_class(error.code) == RetryClass::kNever;
  contact.dial_at = now_ + contact.backoff.next(random_());
  const auto refused = [](const Contact& one) {
    return one.state == Contact::State::kAway && one.refused;
  };
  if (contact.refused || std::none_of(contacts_.begin(), contacts_.end(), refused)) {
    dial_problem_ = error.message;
  }
  widen_at_ = now_;
  update_contacts();
  if (std::all_of(contacts_.begin(), contacts_.end(), refused)) {
    effects_.emplace_back(GiveUpAll{error});
  }
}

void LeaderSearch::on(const ConnectionClosed& event) {
  auto* contact = find(event.connection, Contact::State::kThere);
  if (contact == nullptr) return;
  contact->state = Contact::State::kAway;
  // One that accepts and closes at once is not dialed without a pause.
  contact->dial_at = contact->heard ? now_ : now_ + contact->backoff.next(random_());
  if (event.connection == used_) stop_using();
}

LeaderSearch::Contact* LeaderSearch::find(std::uint64_t number, Contact::State state) {
  for (auto& contact : contacts_) {
    if (contact.number == number && contact.state == state) return &contact;
  }
  return nullptr;
}

const LeaderSearch::Contact* LeaderSearch::used_contact() const {
  const auto found = std::find_if(contacts_.begin(), contacts_.end(),
                                  [this](const auto& contact) { return contact.number == used_; });
  MDFS_ASSERT(used_ != 0 && found != contacts_.end());
  return &*found;
}

void LeaderSearch::note_life(Contact& contact) {
  contact.heard = true;
  contact.backoff.reset();
}

// --- Who leads ---------------------------------------------------------------------------------

void LeaderSearch::on(const LeaderTold& event) {
  auto* contact = find(event.connection, Contact::State::kThere);
  if (contact == nullptr) return;
  note_life(*contact);
  contact->asked = false;
  contact->ask_at = now_ + options_.ask_again - milliseconds(random_() % 16);
  if (event.view.self != 0) contact->member = event.view.self;
  learn(event.view);
  if (event.view.leads() && event.view.term >= term_) {
    wants_leader_ = false;
    if (used_ != event.connection) {
      use(*contact);
    } else if (awaiting_since_) {
      awaiting_since_ = now_;
    }
    return;
  }
  if (any_will_do()) {
    if (used_ != event.connection && !is_content()) use(*contact);
    return;
  }
  contact->denied_below = std::max(event.view.term, term_) + 1;
  if (used_ == event.connection) stop_using();
  for (const auto& other : contacts_) {
    if (other.state == Contact::State::kThere && is_better(other)) return use(other);
  }
}

void LeaderSearch::on(const AskFailed& event) {
  auto* contact = find(event.connection, Contact::State::kThere);
  if (contact == nullptr) return;
  contact->asked = false;
  contact->ask_at = now_ + options_.ask_again;
}

void LeaderSearch::learn(const metadata::QuorumView& view) {
  if (view.self == 0 || view.term < term_) return;
  if (view.term > term_) leader_ = 0;
  term_ = view.term;
  if (view.leader != 0) leader_ = view.leader;
  if (!view.members.empty()) members_ = view.members;
  viewed_at_ = now_;
  update_contacts();
}

// A member that has answered at a given address need not be found at another one as well.
void LeaderSearch::update_contacts() {
  const auto is_member_at = [this](const metadata::Endpoint& address) {
    return std::any_of(members_.begin(), members_.end(),
                       [&](const auto& member) { return member.address == address; });
  };
  contacts_.remove_if([&](const Contact& contact) {
    return !contact.given && contact.state == Contact::State::kAway &&
           !is_member_at(contact.address);
  });
  for (const auto& member : members_) {
    if (member.address.host.empty()) continue;  // It has not said where it is.
    const bool known = std::any_of(contacts_.begin(), contacts_.end(), [&](const Contact& contact) {
      return contact.address == member.address || (contact.given && contact.member == member.id);
    });
    if (known) continue;
    auto& contact = contacts_.emplace_back();
    contact.address = member.address;
    contact.dial_at = now_;
  }
}

bool LeaderSearch::is_leader(const Contact& contact) const {
  if (leader_ == 0) return false;
  if (contact.member != 0) return contact.member == leader_;
  return std::any_of(members_.begin(), members_.end(), [&](const auto& member) {
    return member.id == leader_ && member.address == contact.address;
  });
}

// Whether requests are to go there instead, before it has said anything itself.
bool LeaderSearch::is_better(const Contact& contact) const {
  if (contact.number == used_ || contact.denied_below > term_) return false;
  if (any_will_do()) return used_ == 0;
  return term_ == 0 ? used_ == 0 : is_leader(contact);
}

// Whether there is nobody to look for: one is used, which answers, and no other one leads.
bool LeaderSearch::is_content() const {
  if (used_ == 0) return false;
  if (awaiting_since_ && silent_for() >= options_.answer_patience) return false;
  return any_will_do() || leader_ == 0 || is_leader(*used_contact());
}

void LeaderSearch::use(const Contact& contact) {
  used_ = contact.number;
  awaiting_since_.reset();
  effects_.emplace_back(UseConnection{used_});
}

void LeaderSearch::stop_using() {
  used_ = 0;
  awaiting_since_.reset();
  effects_.emplace_back(UseConnection{0});
  begin_search();
}

void LeaderSearch::begin_search() {
  searching_since_ = now_;
  widen_at_ = now_;
}

// --- What follows from the state alone -----------------------------------------------------------

void LeaderSearch::settle() {
  if (!waits_) return;
  if (is_content()) {
    if (now_ - viewed_at_ < options_.view_age_max) return;
    if (auto* contact = find(used_, Contact::State::kThere); contact->ask_at <= now_) ask(*contact);
    return;
  }
  if (awaiting_since_ && silent_for() >= options_.silence_max) leave_silent();
  if (used_ == 0 && now_ - searching_since_ >= options_.forget_after) forget();
  for (auto& contact : contacts_) {
    if (contact.state == Contact::State::kThere && contact.ask_at <= now_) ask(contact);
  }
  dial_leader();
  if (widen_at_ <= now_) dial_next();
}

void LeaderSearch::leave_silent() {
  auto* contact = find(used_, Contact::State::kThere);
  contact->state = Contact::State::kAway;
  contact->dial_at = now_;
  contact->replace = true;
  effects_.emplace_back(HangUp{used_});
  stop_using();
}

// Whatever says then that it leads is believed.
void LeaderSearch::forget() {
  searching_since_ = now_;
  term_ = 0;
  leader_ = 0;
}

void LeaderSearch::ask(Contact& contact) {
  if (std::exchange(contact.asked, true)) return;
  effects_.emplace_back(AskWhoLeads{contact.number});
}

void LeaderSearch::dial(Contact& contact) {
  contact.state = Contact::State::kDialing;
  contact.number = ++last_number_;
  widen_at_ = now_ + options_.handshake_patience;
  effects_.emplace_back(
      DialNamenode{contact.number, contact.address, std::exchange(contact.replace, false)});
}

void LeaderSearch::dial_leader() {
  for (auto& contact : contacts_) {
    const bool away = contact.state == Contact::State::kAway && contact.dial_at <= now_;
    if (away && is_leader(contact)) dial(contact);
  }
}

// The one that was dialed longest ago.
void LeaderSearch::dial_next() {
  Contact* next = nullptr;
  for (auto& contact : contacts_) {
    if (contact.state != Contact::State::kAway || contact.dial_at > now_) continue;
    if (next == nullptr || contact.number < next->number) next = &contact;
  }
  if (next != nullptr) dial(*next);
}

}  // namespace minidfs::client
