#include "peers/quorum_fixture.hpp"

#include <algorithm>
#include <cstring>
#include <future>
#include <thread>

#include "base/codec.hpp"

namespace minidfs::consensus::test {
namespace {

// A pair of the standard library has no inspect().
void put(std::string& out, std::uint64_t number, const std::string& command) {
  Encoder encoder(out);
  encoder.put(number);
  encoder.put(command);
}

class MemoryCopy final : public StateCopy {
 public:
  MemoryCopy(std::uint64_t number, std::string bytes) : number_(number), bytes_(std::move(bytes)) {}

  std::uint64_t number() const override { return number_; }
  Result<std::string> next(std::size_t bytes_max) override {
    // Small pieces, so that there are many.
    auto piece = bytes_.substr(at_, std::min<std::size_t>(bytes_max, 1000));
    at_ += piece.size();
    return piece;
  }

 private:
  std::uint64_t number_;
  std::string bytes_;
  std::size_t at_ = 0;
};

}  // namespace

void eventually(const std::string& what, const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) FAIL("in vain waited until " << what);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

// --- The state --------------------------------------------------------------------------------

std::uint64_t CopyableState::applied() const {
  const std::lock_guard lock(mutex_);
  if (!open_.empty()) return open_.back().first;
  return commands_.empty() ? 0 : commands_.back().first;
}

Result<std::string> CopyableState::apply(std::uint64_t number, std::string_view command) {
  if (fail_apply_) return Error{Errc::kIoError, "database: cannot write"};
  MDFS_ASSERT(number > applied());
  const std::lock_guard lock(mutex_);
  open_.emplace_back(number, command);
  return std::to_string(commands_.size() + open_.size());
}

Status CopyableState::commit_batch() {
  const std::lock_guard lock(mutex_);
  std::move(open_.begin(), open_.end(), std::back_inserter(commands_));
  open_.clear();
  return {};
}

Result<std::uint64_t> CopyableState::make_durable() {
  const std::lock_guard lock(mutex_);
  return commands_.empty() ? 0 : commands_.back().first;
}

Result<std::unique_ptr<StateCopy>> CopyableState::begin_copy() {
  const std::lock_guard lock(mutex_);
  std::string bytes;
  for (const auto& [number, command] : commands_) put(bytes, number, command);
  const auto last = commands_.empty() ? 0 : commands_.back().first;
  return std::unique_ptr<StateCopy>(std::make_unique<MemoryCopy>(last, std::move(bytes)));
}

Status CopyableState::begin_intake() {
  intake_.clear();
  whole_.reset();
  return {};
}

Status CopyableState::take_in(std::string_view piece) {
  while (hold_intake_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  intake_ += piece;
  return {};
}

Status CopyableState::finish_intake() {
  Decoder in(intake_);
  Commands commands;
  while (!in.rest().empty()) {
    auto& [number, command] = commands.emplace_back();
    if (!in(number, command)) return Error{Errc::kCorrupt, "not a whole copy"};
  }
  whole_ = std::move(commands);
  return {};
}

Status CopyableState::install() {
  if (fail_install_) return Error{Errc::kIoError, "database: cannot install"};
  MDFS_ASSERT(whole_);
  const std::lock_guard lock(mutex_);
  commands_ = *std::exchange(whole_, std::nullopt);
  ++installs_;
  return {};
}

std::vector<std::string> CopyableState::commands() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  for (const auto& [number, command] : commands_) all.push_back(command);
  return all;
}

void CopyableState::go_back_to(std::size_t count) {
  const std::lock_guard lock(mutex_);
  commands_.resize(count);
}

std::size_t CopyableState::installs() const {
  const std::lock_guard lock(mutex_);
  return installs_;
}

// --- A member ---------------------------------------------------------------------------------

Member::Member(MemoryNetwork& network, MemberId id) : network_(network), id_(id) {
  options = options_for(directory_.path());
  options.address = "host" + std::to_string(id) + ":8021";
  options.seed_bytes_per_second = 0;
}

void Member::open(std::optional<Index> since) {
  const auto status = try_open(since);
  if (!status.ok()) FAIL(status.error().message);
}

Status Member::try_open(std::optional<Index> since) {
  link_ = network_.make_link(options.versions.newest);
  options.link = link_.get();
  options.joining.reset();
  if (since) options.joining = {id_, *since};
  MDFS_TRY(log_, Log::open(options, *state_, fatal_.handler()));
  id_ = log_->self();
  log_->add_role_sink([roles = roles_](const Leading& now) {
    const std::lock_guard lock(roles->mutex);
    roles->all.push_back(now);
  });
  proposer_ = std::make_unique<Proposer>(*log_);
  return {};
}

void Member::close() {
  log_.reset();
  proposer_.reset();
  link_.reset();
}

Leading Member::leading() const {
  const std::lock_guard lock(roles_->mutex);
  return roles_->all.empty() ? Leading{} : roles_->all.back();
}

std::vector<Leading> Member::roles() const {
  const std::lock_guard lock(roles_->mutex);
  return roles_->all;
}

Result<std::string> Member::propose(const std::string& command) {
  return proposer_->propose_and_wait(command);
}

namespace {

template <class Answer, class Ask>
Answer ask_and_wait(const Ask& ask) {
  auto promise = std::make_shared<std::promise<Answer>>();
  auto future = promise->get_future();
  ask([promise](Answer answer) { promise->set_value(std::move(answer)); });
  REQUIRE(future.wait_for(kDeadline) == std::future_status::ready);
  return future.get();
}

}  // namespace

ReadAnswer Member::read() {
  return ask_and_wait<ReadAnswer>([&](auto sink) { log_->read_index(sink); });
}

ChangeAnswer Member::change(const MembersChange& change) {
  return ask_and_wait<ChangeAnswer>([&](auto sink) { log_->change_members(change, sink); });
}

Status Member::transfer(MemberId to) {
  return ask_and_wait<Status>([&](auto sink) { log_->transfer(to, sink); });
}

// --- All of them ------------------------------------------------------------------------------

Quorum::Quorum(std::size_t count, const std::function<void(LogOptions&)>& change)
    : change_(change) {
  add().open();
  for (std::size_t i = 1; i < count; ++i) join(add());
}

Quorum::~Quorum() {
  for (const auto& member : members_) network.resume(member->id());
  for (const auto& member : members_) member->close();
}

Member& Quorum::add() {
  const MemberId id = 1000 + members_.size();
  members_.push_back(std::make_unique<Member>(network, id));
  if (change_) change_(members_.back()->options);
  return *members_.back();
}

Index Quorum::admit(const Member& member, MemberId replaces) {
  std::optional<Index> since;
  eventually("a learner is logged", [&] {
    const auto answer =
        await_leader(&member).change(AddLearner{{member.id(), member.options.address}, replaces});
    if (answer.index.ok()) since = *answer.index;
    if (!since && answer.index.error().code != Errc::kBusy &&
        answer.index.error().code != Errc::kNotLeader) {
      FAIL(answer.index.error().message);
    }
    return since.has_value();
  });
  return *since;
}

void Quorum::join(Member& member, MemberId replaces) {
  member.open(admit(member, replaces));
  eventually("the learner is a voter", [&] {
    const auto members = member.log().quorum().members;
    return std::any_of(members.begin(), members.end(), [&](const auto& each) {
      return each.member.id == member.id() && each.role == MemberRole::kVoter;
    });
  });
}

std::size_t Quorum::count(MemberRole role) {
  const auto members = await_leader().log().quorum().members;
  return static_cast<std::size_t>(std::count_if(
      members.begin(), members.end(), [role](const auto& each) { return each.role == role; }));
}

void Quorum::await_voters(std::size_t count) {
  eventually("all are voters", [&] {
    return this->count(MemberRole::kVoter) == count && this->count(MemberRole::kLearner) == 0;
  });
}

Member& Quorum::await_leader(const Member* but) {
  Member* leader = nullptr;
  eventually("one leads and the others follow", [&] {
    leader = nullptr;
    Term term = 0;
    for (const auto& member : members_) {
      if (!member->is_open() || member.get() == but || !member->leads()) continue;
      if (member->leading().term < term) continue;
      leader = member.get();
      term = member->leading().term;
    }
    if (leader == nullptr) return false;
    return std::all_of(members_.begin(), members_.end(), [&](const auto& member) {
      if (!member->is_open() || member.get() == but) return true;
      return member->leading().leader.id == leader->id() && member->leading().term == term;
    });
  });
  return *leader;
}

Member& Quorum::follower(std::size_t number) {
  auto& leader = await_leader();
  for (const auto& member : members_) {
    if (!member->is_open() || member.get() == &leader) continue;
    if (number-- == 0) return *member;
  }
  FAIL("no such follower");
  return leader;
}

void Quorum::await_commands(std::size_t count) {
  const Member* first = nullptr;
  for (const auto& member : members_) {
    if (!member->is_open()) continue;
    eventually("member " + std::to_string(member->id()) + " holds all commands",
               [&] { return member->state().commands().size() >= count; });
    if (first == nullptr) first = member.get();
    CHECK(member->state().commands() == const_cast<Member*>(first)->state().commands());
    CHECK(member->state().commands().size() == count);
  }
}

// As clients do: what is open after a change of leaders is looked up, and else proposed again.
void Quorum::fill(const std::string& prefix, std::size_t count, std::size_t bytes) {
  std::vector<std::string> left;
  for (std::size_t i = 0; i < count; ++i) {
    left.push_back(prefix + std::to_string(i));
    left.back().resize(std::max(bytes, left.back().size()), '.');
  }
  while (!left.empty()) {
    auto& leader = await_leader();
    Proposer proposer(leader.log());
    for (const auto& command : left) proposer.propose(command);
    proposer.wait_for(left.size());
    std::vector<std::string> open;
    for (const auto& answer : proposer.answers()) {
      if (answer.reply.ok()) continue;
      REQUIRE(answer.reply.error().code == Errc::kNotLeader);
      open.push_back(left.at(answer.token - 1));
    }
    left.clear();
    if (open.empty()) return;
    Member* next = nullptr;
    eventually("a leader has all of before", [&] {
      next = &await_leader();
      return next->read().index.ok();
    });
    const auto known = next->state().commands();
    for (auto& command : open) {
      const bool there = std::find(known.begin(), known.end(), command) != known.end();
      if (!there) left.push_back(std::move(command));
    }
  }
}

}  // namespace minidfs::consensus::test
