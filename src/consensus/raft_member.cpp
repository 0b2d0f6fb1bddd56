#include "consensus/raft_member.hpp"

#include <algorithm>
#include <utility>

#include "consensus/solo_transport.hpp"

namespace minidfs::consensus {
namespace {

// A single member elects itself when it starts; its timer has nothing to do and should wake the
// processor rarely. Several members find a new leader within about a second.
constexpr unsigned kSoloHeartbeatMs = 1000;
constexpr unsigned kSoloElectionMs = 3000;
constexpr unsigned kHeartbeatMs = 80;
constexpr unsigned kElectionMs = 400;
constexpr unsigned kConnectRetryMs = 200;
constexpr std::uint64_t kTrailingPart = 8;

Errc code_of(int raft_code) {
  switch (raft_code) {
    case RAFT_NOTLEADER:
    case RAFT_LEADERSHIPLOST:
      return Errc::kNotLeader;
    case RAFT_SHUTDOWN:
    case RAFT_CANCELED:
    case RAFT_NOCONNECTION:
      return Errc::kUnavailable;
    case RAFT_MALFORMED:
    case RAFT_CORRUPT:
      return Errc::kCorrupt;
    case RAFT_TOOBIG:
    case RAFT_NAMETOOLONG:
      return Errc::kTooLarge;
    case RAFT_IOERR:
      return Errc::kIoError;
    case RAFT_NOSPACE:
      return Errc::kNoSpace;
    case RAFT_NOTFOUND:
      return Errc::kNotFound;
    default:
      return Errc::kInternal;
  }
}

}  // namespace

Error raft_error(int code, const std::string& what, const char* detail) {
  std::string message = what + ": " + raft_strerror(code);
  if (detail != nullptr && detail[0] != '\0') message += std::string(" (") + detail + ")";
  return Error{code_of(code), std::move(message)};
}

RaftMember::RaftMember(const LogOptions& options) : options_(options) {
  address_ = "solo:" + std::to_string(options.member_id);
  for (const auto& member : options.members) {
    if (member.id == options.member_id && !member.address.empty()) address_ = member.address;
  }
}

Status RaftMember::open(raft_fsm* fsm, bool bootstrap_needed) {
  if (const int code = uv_loop_init(&loop_); code != 0) {
    return Error{Errc::kInternal, std::string("event loop: ") + uv_strerror(code)};
  }
  loop_ready_ = true;
  MDFS_CHECK(init_transport());
  const auto& directory = options_.directory;
  if (const int code = raft_uv_init(&io_, &loop_, directory.c_str(), &transport_); code != 0) {
    return raft_error(code, directory, io_.errmsg);
  }
  io_ready_ = true;
  // libraft 0.15 can run work in its thread pool but announces version 1, which says it cannot.
  if (io_.version < 2 && io_.async_work != nullptr) io_.version = 2;
  raft_uv_set_auto_recovery(&io_, false);
  raft_uv_set_connect_retry_delay(&io_, kConnectRetryMs);
  if (const int code =
          raft_init(&raft_, &io_, fsm, static_cast<raft_id>(options_.member_id), address_.c_str());
      code != 0) {
    return raft_error(code, directory, raft_.errmsg);
  }
  raft_ready_ = true;
  // The snapshot has 32 bytes, and the directory check reads it as it is.
  raft_uv_set_snapshot_compression(&io_, false);
  set_timing();
  return bootstrap_needed ? bootstrap() : Status{};
}

Status RaftMember::init_transport() {
  if (solo()) {
    init_solo_transport(transport_);
    return {};
  }
  set_transport_version(transport_);
  if (const int code = raft_uv_tcp_init(&transport_, &loop_); code != 0) {
    return raft_error(code, address_, transport_.errmsg);
  }
  tcp_ready_ = true;
  return {};
}

void RaftMember::set_timing() {
  raft_set_election_timeout(&raft_, solo() ? kSoloElectionMs : kElectionMs);
  raft_set_heartbeat_timeout(&raft_, solo() ? kSoloHeartbeatMs : kHeartbeatMs);
  raft_set_pre_vote(&raft_, true);
  raft_set_snapshot_threshold(&raft_, options_.snapshot_threshold_entries);
}

void RaftMember::command_applied(std::size_t bytes) {
  ++commands_applied_;
  bytes_applied_ += bytes;
  // libraft compares this with the number of entries whenever it has applied some.
  if (bytes_applied_ >= options_.snapshot_threshold_bytes) raft_set_snapshot_threshold(&raft_, 1);
}

void RaftMember::snapshot_begins() {
  const auto command_bytes =
      std::max<std::uint64_t>(bytes_applied_ / std::max<std::uint64_t>(commands_applied_, 1), 1);
  const auto trailing =
      std::min<std::uint64_t>(options_.snapshot_trailing_entries,
                              options_.snapshot_threshold_bytes / kTrailingPart / command_bytes);
  // With no trailing entries libraft would delete the segment that names the next index.
  raft_set_snapshot_trailing(&raft_, static_cast<unsigned>(std::max<std::uint64_t>(trailing, 1)));
  raft_set_snapshot_threshold(&raft_, options_.snapshot_threshold_entries);
  commands_applied_ = bytes_applied_ = 0;
}

Status RaftMember::bootstrap() {
  raft_configuration configuration;
  raft_configuration_init(&configuration);
  int code = 0;
  if (options_.members.empty()) {
    code = raft_configuration_add(&configuration, options_.member_id, address_.c_str(), RAFT_VOTER);
  }
  for (const auto& member : options_.members) {
    const auto& address = member.id == options_.member_id ? address_ : member.address;
    if (code == 0) {
      code = raft_configuration_add(&configuration, member.id, address.c_str(), RAFT_VOTER);
    }
  }
  if (code == 0) code = raft_bootstrap(&raft_, &configuration);
  raft_configuration_close(&configuration);
  if (code == 0) return {};
  return raft_error(code, options_.directory + ": writing the first configuration",
                    raft_errmsg(&raft_));
}

Status RaftMember::start() {
  const int code = raft_start(&raft_);
  if (code == 0) return {};
  return raft_error(code, options_.directory, raft_errmsg(&raft_));
}

// With writes under way libraft 0.15 may be told twice that its files are closed, and then frees
// its own memory twice. Only the first time is passed on.
void RaftMember::close_files_once() {
  close_files_ = io_.close;
  io_.close = [](raft_io* io, raft_io_close_cb done) {
    RaftMember* member = self(io);
    member->files_closed_ = done;
    member->close_files_(io, [](raft_io* closed) {
      const auto tell = std::exchange(self(closed)->files_closed_, nullptr);
      if (tell != nullptr) tell(closed);
    });
  };
}

void RaftMember::close() {
  if (raft_ready_) {
    raft_.data = this;
    close_files_once();
    raft_close(&raft_,
               [](raft* closed) { static_cast<RaftMember*>(closed->data)->closed_ = true; });
    while (!closed_) uv_run(&loop_, UV_RUN_ONCE);
  }
  if (loop_ready_) uv_run(&loop_, UV_RUN_DEFAULT);  // Until every handle is closed.
  if (io_ready_) raft_uv_close(&io_);
  if (tcp_ready_) raft_uv_tcp_close(&transport_);
  if (loop_ready_) uv_loop_close(&loop_);
  raft_ready_ = io_ready_ = tcp_ready_ = loop_ready_ = false;
}

}  // namespace minidfs::consensus
