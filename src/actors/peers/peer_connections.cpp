#include "actors/peers/peer_connections.hpp"

#include <algorithm>
#include <caf/abstract_actor.hpp>
#include <caf/actor_cast.hpp>
#include <utility>

#include "actors/control_plane.hpp"
#include "base/logging.hpp"
#include "base/random_id.hpp"

namespace minidfs::actors {
namespace {

PeerTable::Caller caller_of(const Hello& hello) {
  return {hello.member, hello.wanted, hello.process};
}

// What a message takes beside its bytes.
constexpr std::size_t kMessageBytes = 256;

// Counts as long as it lives.
class Unsent {
 public:
  Unsent(std::shared_ptr<std::atomic<std::size_t>> count, std::size_t bytes)
      : count_(std::move(count)), bytes_(bytes) {
    *count_ += bytes_;
  }
  ~Unsent() { *count_ -= bytes_; }
  Unsent(const Unsent&) = delete;
  Unsent& operator=(const Unsent&) = delete;

 private:
  const std::shared_ptr<std::atomic<std::size_t>> count_;
  const std::size_t bytes_;
};

Error not_begun() { return {Errc::kUnavailable, "is just starting, or stopping"}; }

}  // namespace

void PeerConnections::begin(MemberId self, consensus::PeerInbox& inbox) {
  const std::lock_guard lock(mutex_);
  table_.emplace(self, times_);
  inbox_ = &inbox;
}

void PeerConnections::end() {
  std::map<MemberId, Handle> handles;
  {
    const std::lock_guard lock(mutex_);
    if (table_) {
      for (const auto process : table_->processes()) cut(process);
    }
    inbox_ = nullptr;
    handles.swap(handles_);
  }
  changed_.notify_all();
}

// --- They come ---------------------------------------------------------------------------------

Status PeerConnections::judge(const Hello& hello) {
  const std::lock_guard lock(mutex_);
  if (inbox_ == nullptr) return not_begun();
  return table_->judge(caller_of(hello), Clock::now());
}

Status PeerConnections::claim(const Hello& hello) {
  {
    const std::lock_guard lock(mutex_);
    if (inbox_ == nullptr) return not_begun();
    MDFS_TRY(const auto replaced, table_->claim(caller_of(hello), Clock::now()));
    if (replaced) cut(*replaced);
    coming_[hello.member] = hello.versions.newest;
  }
  changed_.notify_all();
  return {};
}

void PeerConnections::greeted(const caf::strong_actor_ptr& from) {
  PeerTable::Open connection;
  {
    const std::lock_guard lock(mutex_);
    if (inbox_ == nullptr) return;
    const auto open = table_->greeted(process_of(from->node()), Clock::now());
    if (!open) return;
    connection = *open;
    handles_[connection.member] = {from, process_of(from->node())};
    const auto version = coming_.extract(connection.member);
    inbox_->connected(connection.member, connection.epoch, version.mapped());
  }
  changed_.notify_all();
  watch(from, connection);
}

// What the log over there says as soon as it knows of the connection may overtake the greeting,
// which another thread sends: then it is one as well.
void PeerConnections::arrived(const caf::strong_actor_ptr& from, std::string bytes) {
  greeted(from);
  const std::lock_guard lock(mutex_);
  if (inbox_ == nullptr) return;
  const auto open = table_->heard(process_of(from->node()), Clock::now());
  if (open) inbox_->received(open->member, open->epoch, std::move(bytes));
}

void PeerConnections::told(const caf::strong_actor_ptr& from,
                           const std::vector<PeerSight>& sights) {
  greeted(from);
  std::vector<PeerTable::Twin> twins;
  {
    const std::lock_guard lock(mutex_);
    if (inbox_ == nullptr) return;
    const auto now = Clock::now();
    const auto open = table_->heard(process_of(from->node()), now);
    if (!open) return;
    twins = table_->told(open->member, sights, now);
    for (const auto& twin : twins) cut(twin.process);
  }
  changed_.notify_all();
  for (const auto& twin : twins) {
    log_warn("namenode", "member {} takes part by another process, too: the one here is refused",
             hex_64(twin.member));
  }
}

// --- The log -----------------------------------------------------------------------------------

std::vector<consensus::MemberId> PeerConnections::reach(
    const std::vector<consensus::MemberAddress>& members) {
  std::vector<MemberId> undialled;
  {
    const std::lock_guard lock(mutex_);
    if (inbox_ == nullptr) return {};
    for (const auto process : table_->reach(members, Clock::now())) cut(process);
    for (const auto& member : members) {
      const auto at = std::find(dialled_for_.begin(), dialled_for_.end(), member.id);
      if (at != dialled_for_.end() || !table_->is_wanted(member.id)) continue;
      dialled_for_.push_back(member.id);
      undialled.push_back(member.id);
    }
  }
  changed_.notify_all();
  return undialled;
}

std::optional<PeerConnections::Way> PeerConnections::way_to(MemberId member, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = handles_.find(member);
  if (found == handles_.end()) return std::nullopt;
  const auto& handle = found->second;
  const auto weight = bytes + kMessageBytes;
  if (*handle.unsent + weight > kUnsentMax) {
    cut(handle.process);
    return std::nullopt;
  }
  return Way{handle.peer, std::make_shared<const Unsent>(handle.unsent, weight)};
}

// --- Who dials ---------------------------------------------------------------------------------

consensus::MemberId PeerConnections::self() const {
  const std::lock_guard lock(mutex_);
  return table_->self();
}

std::optional<PeerConnections::Task> PeerConnections::next(MemberId member) {
  using What = PeerTable::Due::What;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (inbox_ == nullptr) return std::nullopt;
    const auto due = table_->due(member);
    const auto now = Clock::now();
    if (due.what == What::kNothing) {
      changed_.wait(lock);
    } else if (now < due.at) {
      changed_.wait_until(lock, due.at);
    } else if (due.what == What::kRemind) {
      table_->reminded(member, now);
      return Task{true, {}, table_->sights_for(member, now)};
    } else {
      return Task{false, table_->address(member), {}};
    }
  }
}

// With the mutex held from the question to the entry among the sockets: so the listener, which asks
// in the same order, cannot let another one in between.
std::optional<ConnectionRegistry::Slot> PeerConnections::confirm(MemberId member, ProcessId process,
                                                                 int fd) {
  const std::lock_guard lock(mutex_);
  const Link link{local_, process};
  if (inbox_ == nullptr || !table_->confirm(member, process, Clock::now())) return std::nullopt;
  if (registry_->contains(link)) {
    registry_->cut(link);
    table_->failed(member, Clock::now());
    return std::nullopt;
  }
  return registry_->add(link, fd, 0, auth::Role::kNamenode);
}

bool PeerConnections::dialled(MemberId member, ProcessId process, InterfaceVersion version,
                              const caf::strong_actor_ptr& handle) {
  PeerTable::Open connection;
  {
    const std::lock_guard lock(mutex_);
    if (inbox_ == nullptr) return false;
    const auto open = table_->dialled(member, process, Clock::now());
    if (!open) return false;
    connection = *open;
    handles_[member] = {handle, process};
    inbox_->connected(member, connection.epoch, version);
  }
  changed_.notify_all();
  watch(handle, connection);
  return true;
}

void PeerConnections::failed(MemberId member, ProcessId process) {
  const std::lock_guard lock(mutex_);
  if (table_->failed(member, Clock::now())) cut(process);
}

// --- Their ends --------------------------------------------------------------------------------

// Called at once when the connection has ended meanwhile.
void PeerConnections::watch(const caf::strong_actor_ptr& handle,
                            const PeerTable::Open& connection) {
  caf::actor_cast<caf::abstract_actor*>(handle)->attach_functor(
      [weak = weak_from_this(), connection] {
        if (const auto self = weak.lock()) self->ended(connection);
      });
}

void PeerConnections::ended(const PeerTable::Open& connection) {
  Handle gone;
  bool news = false;
  {
    const std::lock_guard lock(mutex_);
    if (inbox_ == nullptr) return;
    const bool current = table_->epoch(connection.member) == connection.epoch;
    if (current) gone = std::move(handles_.extract(connection.member).mapped());
    news = table_->ended(connection, Clock::now());
    if (news) inbox_->disconnected(connection.member, connection.epoch);
  }
  changed_.notify_all();
  if (news) log_info("namenode", "lost member {}", hex_64(connection.member));
}

}  // namespace minidfs::actors
