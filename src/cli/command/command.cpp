#include "cli/command/command.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>

#include "auth/secret_file.hpp"
#include "base/units.hpp"
#include "cli/command/paths.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kTable{
    &kPutCommand,     &kGetCommand,      &kCatCommand,    &kLsCommand,       &kMkdirCommand,
    &kRmCommand,      &kMvCommand,       &kAppendCommand, &kConcatCommand,   &kTouchCommand,
    &kChmodCommand,   &kChownCommand,    &kChgrpCommand,  &kStatCommand,     &kChecksumCommand,
    &kSetrepCommand,  &kStatusCommand,   &kTopCommand,    &kFsckCommand,     &kNodeCommand,
    &kBalanceCommand, &kSafemodeCommand, &kScrubCommand,  &kNamenodeCommand, &kQuorumCommand,
    &kSecretCommand,  &kConfigCommand};

constexpr std::array kClientFlags{
    Flag{"namenode", 0, "HOST:PORT[,...]", "Where the namenodes listen (or MINIDFS_NAMENODE)",
         "client.namenode"},
    Flag{"user", 0, "NAME", "Name to act in (or MINIDFS_USER; default: the Unix user)",
         "client.user"},
    Flag{"secret-file", 0, "FILE",
         "The cluster's secret or a client's key (or MINIDFS_COMMON_SECRET_FILE)",
         "common.secret_file"},
    Flag{"timeout", 0, "TIME", "Longest wait for an answer, such as 10s", "client.timeout"},
    Flag{"stale", 0, "TIME", "Reads may miss the changes of the last TIME; any namenode answers",
         "client.stale"},
    Flag{"config", 0, "FILE", "Read options from a TOML file", ""},
    Flag{"help", 'h', "", "Show this help", ""},
};

std::string unix_user() {
  const auto* entry = ::getpwuid(::geteuid());
  return entry != nullptr ? entry->pw_name : std::to_string(::geteuid());
}

std::string unix_group() {
  const auto* entry = ::getgrgid(::getegid());
  return entry != nullptr ? entry->gr_name : std::to_string(::getegid());
}

}  // namespace

std::span<const Command* const> command_table() { return kTable; }

std::span<const Flag> client_flags() { return kClientFlags; }

Result<client::FileSystem*> Invocation::file_system() {
  if (file_system_ == nullptr) {
    MDFS_TRY(auto options, client_options(config_));
    MDFS_TRY(file_system_, connector_(std::move(options)));
    connected_ = file_system_.get();
  }
  return file_system_.get();
}

void Invocation::limit_timeout(std::chrono::milliseconds longest) {
  config_.client.timeout = std::min(config_.client.timeout, longest);
}

void Invocation::at_abandon(std::function<void()> tidy) {
  const std::lock_guard lock(tidy_mutex_);
  tidy_ = std::move(tidy);
}

void Invocation::abandon(std::chrono::milliseconds within) {
  {
    const std::lock_guard lock(tidy_mutex_);
    if (tidy_) tidy_();
  }
  if (auto* connected = connected_.load()) connected->abandon(within);
}

Result<client::Options> client_options(const Config& config) {
  const auto& from = config.client;
  client::Options options;
  for (const auto& address : from.namenode) {
    MDFS_TRY(auto place, parse_host_port(address, std::nullopt));
    options.namenodes.push_back({std::move(place.host), place.port});
  }
  if (const auto& secret = config.common.secret_file; !secret.empty()) {
    MDFS_TRY(options.credentials, auth::load_credentials(secret));
  }
  // The Unix group belongs to the Unix user; somebody else acts in a group of the same name.
  options.user = from.user.empty() ? unix_user() : from.user;
  options.group = from.user.empty() ? unix_group() : from.user;
  options.timeout = from.timeout;
  options.stale = from.stale;
  options.connect_timeout = std::min(from.connect_timeout, from.timeout);
  options.replication = from.replication;
  options.block_size = from.block_size;
  options.compression = from.compression;
  options.parallel_blocks = from.parallel_blocks;
  options.parallel_batches = from.parallel_batches;
  options.batch_files = from.batch_files;
  options.small_file_bytes = from.small_file;
  options.min_replication = from.min_replication;
  options.progress_timeout = from.progress_timeout;
  options.disk_timeout = from.disk_timeout;
  options.hedge_after = from.hedge_after;
  MDFS_TRY(options.checksum_combine_mode,
           client::parse_combine_mode(config.http.checksum_combine_mode));
  return options;
}

Result<std::vector<std::string>> dfs_paths(const std::vector<std::string>& operands) {
  std::vector<std::string> paths;
  for (const auto& operand : operands) {
    MDFS_TRY(auto path, dfs_path(operand));
    paths.push_back(std::move(path));
  }
  return paths;
}

Result<int> for_each_path(
    Invocation& invocation,
    const std::function<Status(client::FileSystem&, const std::string&)>& action) {
  MDFS_TRY(const auto paths, dfs_paths(invocation.arguments().operands));
  MDFS_TRY(auto* file_system, invocation.file_system());
  Tally tally(invocation.io());
  for (const auto& path : paths) {
    if (!tally.take(action(*file_system, path))) break;
  }
  return tally.exit_code();
}

Status about_data(Status done) {
  if (done.ok() || errc_info(done.error().code).exit_code != kExitUnreachable) return done;
  return Error{Errc::kNoDatanode, std::move(done).error().message};
}

Status read_whole(client::FileSystem& files, const std::string& path, const client::Sink& sink) {
  MDFS_TRY([[maybe_unused]] const auto status, files.stat(path));
  return about_data(files.read_file(path, 0, std::numeric_limits<std::uint64_t>::max(), sink, {}));
}

}  // namespace minidfs::cli
