#include "actors/leadership.hpp"

#include <future>
#include <memory>
#include <mutex>

#include "base/codec.hpp"
#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "base/wall_clock.hpp"
#include "metadata/changes.hpp"

namespace minidfs::actors {
namespace {

// Two of 2^32 marks are the same once in a blue moon; never so often.
constexpr int kMarksTried = 16;

// Proposes one change at a time and waits for its reply.
class Asker {
 public:
  explicit Asker(consensus::Log& log) : log_(log) {
    channel_ = log_.add_channel([shared = answer_](std::vector<consensus::Completion> completions) {
      // An answer that nobody waited for any more finds another promise, or a used one.
      for (auto& completion : completions) {
        const std::lock_guard lock(shared->mutex);
        if (completion.token == shared->token) shared->promise.set_value(completion.reply);
      }
    });
  }

  Result<metadata::Outcome> ask(const metadata::Change& change,
                                std::chrono::milliseconds patience) {
    std::future<Result<std::string>> answer;
    std::uint64_t token = 0;
    {
      const std::lock_guard lock(answer_->mutex);
      token = ++answer_->token;
      answer_->promise = {};
      answer = answer_->promise.get_future();
    }
    log_.propose(channel_, token, metadata::encode_change(change), consensus::Room::kReserved);
    if (answer.wait_for(patience) != std::future_status::ready) {
      return Error{Errc::kTimedOut, "the log did not take the new leadership in " +
                                        std::to_string(patience.count()) + " ms"};
    }
    MDFS_TRY(const auto encoded, answer.get());
    MDFS_TRY(auto reply, decode<metadata::ChangeReply>(encoded, "reply of the namespace"));
    if (reply.outcomes.size() != 1) {
      return Error{Errc::kInternal, "a leadership was answered with " +
                                        std::to_string(reply.outcomes.size()) + " outcomes"};
    }
    return std::move(reply.outcomes[0]);
  }

 private:
  struct Answer {
    std::mutex mutex;
    std::uint64_t token = 0;
    std::promise<Result<std::string>> promise;
  };
  consensus::Log& log_;
  consensus::ChannelId channel_ = 0;
  std::shared_ptr<Answer> answer_ = std::make_shared<Answer>();
};

}  // namespace

metadata::ClusterClock start_cluster_clock(storage::NamespaceReader& reader,
                                           metadata::TimePoint now) {
  const auto cluster_ms = reader.cluster_ms();
  if (cluster_ms.ok()) return {*cluster_ms, now};
  log_error("namenode", "cannot read the cluster time: {}", cluster_ms.error().message);
  return {0, now};
}

metadata::BlockMark random_mark() {
  for (;;) {
    const auto mark = static_cast<metadata::BlockMark>(random_128().low);
    if (mark != 0) return mark;
  }
}

Result<Leadership> begin_leadership(consensus::Log& log, storage::NamespaceReader& reader,
                                    std::chrono::milliseconds patience) {
  MDFS_TRY(const metadata::Epoch last, reader.epoch());
  metadata::BeginLeadership change;
  change.time_ms = wall_clock_ms();
  change.number = last.leadership + 1;
  if (last.life.is_none()) change.life = random_id<metadata::LifeId>();
  Asker asker(log);
  for (int i = 0; i < kMarksTried; ++i) {
    change.mark = random_mark();
    MDFS_TRY(const metadata::Outcome outcome, asker.ask(change, patience));
    if (outcome.code == static_cast<std::uint8_t>(Errc::kAlreadyExists)) continue;
    if (const auto result = metadata::to_result(outcome); !result.ok()) return result.error();
    MDFS_TRY(const metadata::Epoch now, reader.epoch());
    return Leadership{now, change.mark};
  }
  return Error{Errc::kInternal,
               std::to_string(kMarksTried) + " random marks of blocks were used already"};
}

}  // namespace minidfs::actors
