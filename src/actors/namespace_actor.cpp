#include "actors/namespace_actor.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <chrono>
#include <mutex>
#include <utility>

#include "actors/commit_change.hpp"
#include "actors/leadership.hpp"
#include "actors/log_answer.hpp"
#include "actors/old_reads.hpp"
#include "actors/quorum_view.hpp"
#include "base/random_id.hpp"
#include "metadata/namespace_rules.hpp"

namespace minidfs::actors {
namespace {

// Entries of one page of a directory, at most: about 100 KB.
constexpr std::uint32_t kListLimit = 1000;
constexpr std::uint32_t kLocateLimit = 1000;
// Blocks in one page of a file: about 1 MB with three places each.
constexpr std::uint64_t kBlocksOfPageMax = 4096;
// Paths looked up for one allocation, far above what a client of ours names.
constexpr std::size_t kIntendedMax = 4096;
// Reads that wait for a confirmation, besides those that one is under way for.
constexpr std::size_t kReadsMax = 10'000;

std::uint32_t page_limit(std::uint32_t wanted, std::uint32_t limit) {
  return wanted == 0 ? limit : std::min(wanted, limit);
}

}  // namespace

NamespaceActorState::NamespaceActorState() : reads_(kReadsMax) {}

void NamespaceActorState::start(Self* self, NamespaceActorParts parts) {
  self_ = self;
  log_ = parts.log;
  reader_ = std::move(parts.reader);
  blocks_ = std::move(parts.blocks);
  lanes_ = std::move(parts.lanes);
  tick_interval_ = parts.tick_interval;
  screen_.emplace(tick_interval_);
  wall_clock_ = std::move(parts.wall_clock);
  const auto handle = caf::actor_cast<NamespaceActor>(self_);
  channel_ = log_->add_channel([handle](std::vector<consensus::Completion> completions) {
    caf::anon_send(handle, LogBatch{std::move(completions)});
  });
  self_->send(blocks_, SubscribeAtom{}, caf::actor_cast<SafeModeListener>(self_));
  tick();
}

// Only reads the time: that is how a standstill of this process is noticed.
void NamespaceActorState::tick() {
  screen_->now(self_->clock().now());
  self_->delayed_send(self_, tick_interval_, TickAtom{});
}

std::optional<caf::error> NamespaceActorState::refuse(const Patience& patience) {
  const auto why = screen_->refuse(patience, self_->current_sender(), self_->clock().now());
  if (why.has_value()) return to_caf(*why);
  if (office_term_ == 0) return not_leader(quorum());
  return std::nullopt;
}

std::optional<caf::error> NamespaceActorState::refuse_read(const Patience& patience) {
  const auto why = screen_->refuse(patience, self_->current_sender(), self_->clock().now());
  if (why.has_value()) return to_caf(*why);
  if (office_term_ == 0 && !may_be_old(*log_, patience)) return not_leader(quorum());
  return std::nullopt;
}

metadata::QuorumView NamespaceActorState::quorum() const {
  return view_of(log_->quorum(), office_term_);
}

// Others have led meanwhile: the cluster's time goes on from what they have told.
void NamespaceActorState::begin_office(const OfficeBegun& begun) {
  office_term_ = begun.term;
  cluster_clock_ = start_cluster_clock(*reader_, screen_->now(self_->clock().now()));
}

// What was proposed the log answers.
void NamespaceActorState::end_office() {
  office_term_ = 0;
  const auto refusal = not_leader(quorum());
  for (const auto& read : reads_.take_all()) read(&refusal);
}

// --- Confirmations -----------------------------------------------------------------------------

namespace {

// Where the log leaves its answer. It comes within the call when this namenode is alone, and then
// costs no message; else on another thread.
struct LogAnswer {
  std::mutex mutex;
  bool within = true;
  std::optional<consensus::ReadAnswer> answer;
};

}  // namespace

void NamespaceActorState::confirm(const Patience& patience, Read read) {
  if (may_be_old(*log_, patience)) return read(nullptr);
  if (reads_.is_full()) {
    const auto refusal = to_caf(busy_error());
    return read(&refusal);
  }
  reads_.add(std::move(read));
  ask_log_later();
}

// Behind what is in the mailbox already, so that one question is for all of that. Where the answer
// costs nothing there is nothing to gain.
void NamespaceActorState::ask_log_later() {
  if (answered_within_) return ask_log();
  if (!reads_.wants_question() || std::exchange(asks_later_, true)) return;
  self_->send(self_, AskLogAtom{});
}

void NamespaceActorState::ask_log() {
  asks_later_ = false;
  while (const auto number = reads_.ask()) {
    const auto asked = std::make_shared<LogAnswer>();
    log_->read_index(
        [asked, number, me = caf::actor_cast<NamespaceActor>(self_)](consensus::ReadAnswer answer) {
          const std::lock_guard lock(asked->mutex);
          if (asked->within) {
            asked->answer = std::move(answer);
          } else {
            caf::anon_send(me, ReadConfirmed{number, std::move(answer)});
          }
        });
    {
      const std::lock_guard lock(asked->mutex);
      asked->within = false;
    }
    answered_within_ = asked->answer.has_value();
    if (!answered_within_) return;
    serve_confirmed(number, *asked->answer);
  }
}

void NamespaceActorState::take_confirmation(const ReadConfirmed& confirmed) {
  serve_confirmed(confirmed.number, confirmed.answer);
  ask_log_later();
}

void NamespaceActorState::serve_confirmed(std::uint64_t number,
                                          const consensus::ReadAnswer& answer) {
  std::optional<caf::error> refusal;
  if (!answer.index.ok()) {
    const auto& error = answer.index.error();
    refusal = error.code == Errc::kNotLeader ? not_leader(quorum()) : to_caf(error);
  }
  for (const auto& read : reads_.take(number)) read(refusal ? &*refusal : nullptr);
}

caf::result<metadata::ChangeReply> NamespaceActorState::refuse_change(
    const metadata::RequestId& request, caf::error why) {
  auto kept = reader_->kept_reply(request);
  if (kept.ok() && kept->has_value()) return std::move(**kept);
  return why;
}

caf::error NamespaceActorState::refuse_in_safe_mode() const {
  if (safe_mode_.behind) return to_caf({Errc::kBehind, safe_mode_.reason});
  return to_caf({Errc::kSafeMode, "no changes in safe mode: " + safe_mode_.reason});
}

// --- Reading -----------------------------------------------------------------------------------

// From what is applied: no request under this id can have been earlier than that.
caf::result<ClientIdReply> NamespaceActorState::client_id() {
  const auto cluster_ms = reader_->cluster_ms();
  if (!cluster_ms.ok()) return to_caf(cluster_ms.error());
  return ClientIdReply{metadata::born_client(*cluster_ms, random_128().low)};
}

caf::result<metadata::FileStatus> NamespaceActorState::stat(StatRequest& request,
                                                            const Patience& patience) {
  return when_confirmed<metadata::FileStatus>(
      patience, [this, request = std::move(request)] { return reader_->stat(request.path); });
}

caf::result<ListReply> NamespaceActorState::list(ListRequest& request, const Patience& patience) {
  return when_confirmed<ListReply>(
      patience, [this, request = std::move(request)]() -> Result<ListReply> {
        MDFS_TRY(const auto page, reader_->list(request.path, request.start_after,
                                                page_limit(request.limit, kListLimit)));
        return ListReply{*page.entries, page.count, page.more};
      });
}

caf::result<LocatedFile> NamespaceActorState::locate(LocateRequest& request,
                                                     const Patience& patience) {
  const auto find = [this, request = std::move(request)]() -> Result<FillFile> {
    MDFS_TRY(auto file, reader_->file_blocks(request.path, request.offset, kBlocksOfPageMax));
    FillFile fill;
    fill.reader_host = request.reader_host;
    fill.corrupt_ones = request.corrupt_ones;
    fill.file.status = std::move(file.status);
    fill.file.more = file.more;
    std::uint64_t offset = file.offset;
    for (const auto& block : file.blocks) {
      fill.file.blocks.push_back({block, offset, {}});
      offset += block.length;
    }
    return fill;
  };
  return complete_when_confirmed<LocatedFile>(patience, find);
}

caf::result<LocateDirectoryReply> NamespaceActorState::locate_directory(
    LocateDirectoryRequest& request, const Patience& patience) {
  const auto find = [this, request = std::move(request)]() -> Result<FillDirectory> {
    MDFS_TRY(auto page, reader_->list_with_blocks(request.path, request.start_after,
                                                  page_limit(request.limit, kLocateLimit)));
    FillDirectory fill;
    fill.reader_host = request.reader_host;
    fill.page.more = page.more;
    for (auto& entry : page.entries) {
      auto& located = fill.page.entries.emplace_back();
      located.status = std::move(entry.status);
      located.more = entry.more;
      std::uint64_t offset = 0;
      for (const auto& block : entry.blocks) {
        located.blocks.push_back({block, offset, {}});
        offset += block.length;
      }
    }
    return fill;
  };
  return complete_when_confirmed<LocateDirectoryReply>(patience, find);
}

caf::result<CopiesReply> NamespaceActorState::copies(CopiesRequest& request,
                                                     const Patience& patience) {
  const auto find = [this, request = std::move(request)]() -> Result<CountCopies> {
    MDFS_TRY(auto file, reader_->file_blocks(request.path, request.offset, kBlocksOfPageMax));
    std::uint64_t next = 0;
    if (file.more) {
      next = file.offset;
      for (const auto& block : file.blocks) next += block.length;
    }
    return CountCopies{next, std::move(file.blocks), file.status.replication};
  };
  return complete_when_confirmed<CopiesReply>(patience, find);
}

// --- Writing -----------------------------------------------------------------------------------

Status NamespaceActorState::check_intended(const IntendedFile& file) {
  const auto status = reader_->stat(file.path);
  if (status.ok() && status->kind == metadata::FileKind::kDirectory) {
    return Error{Errc::kIsADirectory, file.path + ": is a directory"};
  }
  if (status.ok() && !file.overwrite) {
    return Error{Errc::kAlreadyExists, file.path + ": already exists"};
  }
  if (!status.ok() && status.error().code != Errc::kNotFound) return status.error();
  return {};
}

caf::result<WriteGrant> NamespaceActorState::allocate(AllocateBlocks& request,
                                                      const Patience& patience) {
  if (safe_mode_.on) return refuse_in_safe_mode();
  if (request.files.size() > kIntendedMax) {
    return to_caf(
        {Errc::kTooLarge, "allocation for " + std::to_string(request.files.size()) + " files"});
  }
  for (const auto& file : request.files) {
    if (auto status = check_intended(file); !status.ok()) return to_caf(status.error());
  }
  return pass_on<WriteGrant>(patience, lanes_.blocks, std::move(request));
}

caf::result<metadata::ChangeReply> NamespaceActorState::commit(CommitWrite& request,
                                                               const Patience& patience) {
  if (safe_mode_.on) return refuse_change(request.change.request, refuse_in_safe_mode());
  request.change.time_ms = wall_clock_();
  // Empty files concern nobody else.
  const auto& files = request.change.files;
  const bool empty =
      std::all_of(files.begin(), files.end(), [](const auto& file) { return file.blocks.empty(); });
  if (empty && request.staged == 0) {
    const auto change = change_of(request);
    if (!change.ok()) return to_caf(change.error());
    return propose_change(*change);
  }
  return pass_on<metadata::ChangeReply>(patience, lanes_.blocks, std::move(request));
}

caf::result<metadata::ChangeReply> NamespaceActorState::stage(StageWrite& request,
                                                              const Patience& patience) {
  if (safe_mode_.on) return refuse_in_safe_mode();
  request.change.time_ms = wall_clock_();
  return pass_on<metadata::ChangeReply>(patience, lanes_.blocks, std::move(request));
}

caf::result<metadata::ChangeReply> NamespaceActorState::append(AppendWrite& request,
                                                               const Patience& patience) {
  if (request.change.blocks.empty()) return propose(request.change);
  if (safe_mode_.on) return refuse_change(request.change.request, refuse_in_safe_mode());
  request.change.time_ms = wall_clock_();
  return pass_on<metadata::ChangeReply>(patience, lanes_.blocks, std::move(request));
}

caf::result<metadata::ChangeReply> NamespaceActorState::decide(DecideNode& request,
                                                               const Patience& patience) {
  if (safe_mode_.on) return refuse_in_safe_mode();
  return pass_on<metadata::ChangeReply>(patience, lanes_.admin, std::move(request));
}

caf::result<metadata::ChangeReply> NamespaceActorState::propose_change(
    const metadata::Change& change) {
  const auto known_by_all = log_->known_by_all();
  if (auto known = metadata::check_known(change, known_by_all); !known.ok()) {
    return refuse_change(*metadata::request_of(change), to_caf(known.error()));
  }
  auto promise = self_->make_response_promise<metadata::ChangeReply>();
  const auto token = next_token_++;
  proposals_.emplace(token, promise);
  const auto cluster_ms = cluster_clock_.read(screen_->now(self_->clock().now()));
  log_->propose(channel_, token, metadata::encode_change(change, cluster_ms, known_by_all));
  return promise;
}

void NamespaceActorState::take_batch(LogBatch& batch) {
  for (auto& completion : batch.completions) {
    const auto found = proposals_.find(completion.token);
    MDFS_ASSERT(found != proposals_.end());
    auto promise = std::move(found->second);
    proposals_.erase(found);
    deliver(promise, decode_reply(std::move(completion.reply)), [this] { return quorum(); });
  }
}

}  // namespace minidfs::actors
