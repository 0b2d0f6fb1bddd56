#include "actors/backup_actor.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/leadership.hpp"
#include "actors/quorum_view.hpp"
#include "base/checksum.hpp"
#include "base/logging.hpp"

namespace minidfs::actors {
namespace {

using std::chrono::seconds;

// Half a megabyte between two looks at the mailbox.
constexpr int kPagesAtOnce = 256;
constexpr std::size_t kPartBytes = 1 << 20;
// A reader that has not asked for so long has gone.
constexpr seconds kSilenceMax{60};
constexpr seconds kLookInterval{10};

}  // namespace

void BackupActorState::start(Self* self, BackupParts parts) {
  self_ = self;
  parts_ = std::move(parts);
}

caf::result<BackupReply> BackupActorState::answer(const BackupRequest& request) {
  if (request.reader.is_none()) {
    return to_caf({Errc::kInvalidArgument, "a backup without a reader"});
  }
  if (request.end) {
    if (request.reader == reader_) drop();
    return BackupReply{};
  }
  if (request.reader != reader_) {
    if (request.offset == 0) return confirm(request);
    return to_caf({Errc::kExpired, "the namenode has given this backup up: take another one"});
  }
  auto reply = serve(request);
  if (!reply.ok()) return to_caf(reply.error());
  return std::move(reply).value();
}

// One that leads no more, and does not know it, would give an old namespace for the present one.
caf::result<BackupReply> BackupActorState::confirm(const BackupRequest& request) {
  const auto number = ++last_asked_;
  auto promise = self_->make_response_promise<BackupReply>();
  waiting_.emplace(number, Waiting{request, promise});
  parts_.log->read_index(
      [me = caf::actor_cast<BackupActor>(self_), number](consensus::ReadAnswer answer) {
        caf::anon_send(me, ReadConfirmed{number, std::move(answer)});
      });
  return promise;
}

void BackupActorState::take_confirmation(const ReadConfirmed& confirmed) {
  auto waiting = waiting_.extract(confirmed.number);
  if (waiting.empty()) return;
  auto& [request, promise] = waiting.mapped();
  if (!confirmed.answer.index.ok()) {
    promise.deliver(error_of_log(confirmed.answer.index.error(), *parts_.log));
  } else if (auto reply = serve(request); reply.ok()) {
    promise.deliver(std::move(reply).value());
  } else {
    promise.deliver(to_caf(reply.error()));
  }
}

// Begins, unless it has begun.
Result<BackupReply> BackupActorState::serve(const BackupRequest& request) {
  if (request.reader != reader_) MDFS_CHECK(begin(request));
  asked_at_ = self_->clock().now();
  return part(request);
}

Status BackupActorState::begin(const BackupRequest& request) {
  if (!reader_.is_none() && !is_silent()) {
    return Error{Errc::kInUse, "another backup of the namespace is being taken"};
  }
  drop();
  MDFS_TRY(backup_, storage::NamespaceBackup::begin(parts_.database_path, parts_.copy_path,
                                                    parts_.free_min_bytes));
  reader_ = request.reader;
  log_info("namenode", "a backup of the namespace is taken, {} bytes at change {}",
           backup_->bytes(), backup_->change());
  self_->send(self_, CopyAtom{}, ++number_);
  return {};
}

Result<BackupReply> BackupActorState::part(const BackupRequest& request) {
  MDFS_CHECK(failure_);
  BackupReply reply;
  reply.change = backup_->change();
  if (!backup_->is_whole()) return reply;
  reply.ready = true;
  reply.bytes_total = backup_->bytes();
  reply.version_file = parts_.version_file(backup_->life());
  MDFS_TRY(reply.bytes, backup_->read(request.offset, kPartBytes));
  reply.checksum = checksum(reply.bytes);
  return reply;
}

void BackupActorState::work(std::uint64_t number) {
  if (number != number_ || !backup_) return;
  if (is_silent()) {
    log_warn("namenode", "a backup of the namespace was not read to its end");
    return drop();
  }
  const bool copies = failure_.ok() && !backup_->is_whole();
  if (!copies) {
    self_->delayed_send(self_, kLookInterval, CopyAtom{}, number);
    return;
  }
  failure_ = backup_->step(kPagesAtOnce);
  if (!failure_.ok()) {
    log_error("namenode", "a backup failed: {}", failure_.error().message);
    backup_.reset();
    return;
  }
  self_->send(self_, CopyAtom{}, number);
}

bool BackupActorState::is_silent() const { return self_->clock().now() - asked_at_ > kSilenceMax; }

void BackupActorState::drop() {
  reader_ = {};
  backup_.reset();
  failure_ = {};
}

BackupActor::behavior_type backup_actor(BackupActor::stateful_pointer<BackupActorState> self,
                                        std::shared_ptr<BackupParts> parts) {
  auto* state = &self->state;
  state->start(self, std::move(*parts));
  return {
      asked<BackupRequest>(state, state->lane(),
                           [state](BackupRequest& request) { return state->answer(request); }),
      [state](CopyAtom, std::uint64_t number) { state->work(number); },
      [state](const ReadConfirmed& confirmed) { state->take_confirmation(confirmed); },
  };
}

}  // namespace minidfs::actors
