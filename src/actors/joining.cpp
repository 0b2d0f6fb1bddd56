#include "actors/joining.hpp"

#include <caf/scoped_actor.hpp>
#include <optional>
#include <utility>

#include "actors/control_plane.hpp"
#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "base/units.hpp"

namespace minidfs::actors {
namespace {

using Clock = std::chrono::steady_clock;

// For the change to be in the log; the leader answers as soon as a majority has it.
constexpr std::chrono::milliseconds kAnswerTimeMax{10'000};
constexpr std::chrono::milliseconds kPause{250};
// Between two lines of the log about waiting.
constexpr std::chrono::seconds kNoteInterval{30};

bool may_end(Errc code) {
  switch (code) {
    case Errc::kUnavailable:
    case Errc::kTimedOut:
    case Errc::kNotLeader:
    case Errc::kBusy:
    case Errc::kInUse:
      return true;
    default:
      return false;
  }
}

class Joiner {
 public:
  Joiner(caf::actor_system& system, const JoinOptions& options)
      : system_(system), options_(options), self_(system) {}

  Result<JoinedCluster> run() {
    auto until = Clock::now() + options_.patience;
    for (std::size_t turn = 0;; ++turn) {
      const auto where = leader_ ? *leader_ : options_.members[turn % options_.members.size()];
      leader_.reset();
      auto answer = ask(where);
      if (answer.ok()) return answer;
      auto error = std::move(answer).error();
      const auto text = to_string(where) + ": ";
      if (!error.message.starts_with(text)) error.message = text + error.message;
      if (!may_end(error.code)) return error;
      if (error.code == Errc::kBusy) {
        until = Clock::now() + options_.patience;
        leader_ = where;
        note(error);
      } else if (Clock::now() >= until) {
        return Error{error.code,
                     error.message + "; tried for " + format_duration(options_.patience)};
      }
      if (!leader_ || error.code == Errc::kBusy) pause();
    }
  }

 private:
  Result<JoinedCluster> ask(const metadata::Endpoint& where) {
    ConnectOptions connecting;
    connecting.role = auth::Role::kNamenode;
    connecting.timeout = options_.connect_timeout;
    connecting.credentials = options_.credentials;
    MDFS_TRY(auto connection,
             connect_control<ServedByMembers>(system_, where.host, where.port, connecting));
    Result<JoinedCluster> result = Error{Errc::kInternal, "no answer"};
    self_
        ->request(connection.handle, kAnswerTimeMax, Patience{Clock::now() + kAnswerTimeMax},
                  JoinCluster{member_, options_.address})
        .receive(
            [&](const Joined& joined) {
              result = JoinedCluster{joined.cluster, member_, joined.since};
            },
            [&](const caf::error& error) {
              if (const auto view = told_leader(error)) learn(*view, where);
              result = from_caf(error);
            });
    return result;
  }

  void learn(const metadata::QuorumView& view, const metadata::Endpoint& asked) {
    for (const auto& member : view.members) {
      const bool leads = member.id == view.leader && member.address.port != 0;
      if (leads && !(member.address == asked)) leader_ = member.address;
    }
  }

  void note(const Error& error) {
    if (Clock::now() < noted_at_ + kNoteInterval && noted_at_ != Clock::time_point{}) return;
    noted_at_ = Clock::now();
    log_info("namenode", "waits to join: {}", error.message);
  }

  void pause() {
    self_->receive(caf::after(kPause) >> [] {});
  }

  caf::actor_system& system_;
  const JoinOptions& options_;
  caf::scoped_actor self_;
  // Who asks again after an answer that was lost is the same.
  const consensus::MemberId member_ = random_128().low | 1U;
  std::optional<metadata::Endpoint> leader_;
  Clock::time_point noted_at_{};
};

}  // namespace

Result<JoinedCluster> join_cluster(caf::actor_system& system, const JoinOptions& options) {
  MDFS_ASSERT(!options.members.empty());
  return Joiner(system, options).run();
}

}  // namespace minidfs::actors
