#include "consensus/log_directory.hpp"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/random_id.hpp"
#include "consensus/directory_notes.hpp"
#include "consensus/libraft/directory_check.hpp"
#include "consensus/members_format.hpp"

namespace minidfs::consensus {
namespace {

// Of one transaction of the state while it catches up.
constexpr std::size_t kBatchCommandsMax = 4096;

MemberId random_member() {
  const auto bits = random_128();
  return bits.high != 0 ? bits.high : bits.low;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_closed_segment(std::string_view name) {
  const auto dash = name.find('-');
  return dash != std::string_view::npos && is_number(name.substr(0, dash)) &&
         is_number(name.substr(dash + 1));
}

bool is_of_libraft(std::string_view name) {
  return name == "metadata1" || name == "metadata2" || name.starts_with("open-") ||
         name.starts_with("snapshot-") || name.starts_with("tmp-") || is_closed_segment(name);
}

Result<std::vector<std::string>> files_of_libraft(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory, error);
       !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    if (is_of_libraft(at->path().filename().string())) paths.push_back(at->path().string());
  }
  if (error) return errno_error(error.value(), directory);
  return paths;
}

// REQUIRES: our own log is there, so that these count no more.
Status remove_files_of_libraft(const std::string& directory) {
  MDFS_TRY(const auto paths, files_of_libraft(directory));
  for (const auto& path : paths) {
    if (::unlink(path.c_str()) != 0) return errno_error(errno, path);
  }
  return paths.empty() ? Status{} : sync_directory(directory);
}

// Durable on return: the log that has these commands goes next.
Status catch_up(StateMachine& state, const DirectoryFacts& facts) {
  std::size_t in_batch = 0;
  for (const auto& command : facts.unapplied) {
    MDFS_CHECK(state.apply(state.applied() + 1, command));
    if (++in_batch < kBatchCommandsMax) continue;
    MDFS_CHECK(state.commit_batch());
    in_batch = 0;
  }
  if (in_batch > 0) MDFS_CHECK(state.commit_batch());
  MDFS_TRY(const auto durable, state.make_durable());
  if (durable >= facts.last_number) return {};
  return Error{Errc::kInternal, "the database is durable up to command " + std::to_string(durable) +
                                    " of " + std::to_string(facts.last_number)};
}

// Makes the log of one who joins a cluster: it knows nobody until it is told.
Status make_joining_log(const SegmentedLog::Options& options, const StateMachine& state,
                        const Joining& joining) {
  if (state.applied() > 0) {
    return Error{Errc::kInvalidArgument, options.directory +
                                             ": a member that joins a cluster begins with an empty "
                                             "directory, and this database holds entries up to " +
                                             std::to_string(state.applied())};
  }
  SegmentedLog::Origin origin;
  origin.member = joining.member;
  origin.members.index = joining.since;
  return SegmentedLog::create(options, origin);
}

// Makes the log of a directory that has none, or one of libraft.
Status make_log(const SegmentedLog::Options& options, StateMachine& state) {
  MDFS_TRY(const auto facts, check_directory(options.directory, state.applied()));
  SegmentedLog::Origin origin;
  origin.member = random_member();
  if (!facts.fresh) {
    MDFS_CHECK(catch_up(state, facts));
    origin.hard_state.term = facts.term;
    origin.before = {facts.term, facts.last_number};
  }
  // It is alone until it says otherwise.
  origin.members = {origin.before.index, encode_members(Roster(MemberSet({origin.member}, {})))};
  return SegmentedLog::create(options, origin);
}

// The log follows a state that was replaced; when that was not, everything is as before.
Status end_seed(const SegmentedLog::Options& options, const StateMachine& state) {
  MDFS_TRY(const auto note, find_seed_note(options.directory));
  if (!note) return {};
  if (state.applied() == note->position.index) {
    MDFS_CHECK(
        SegmentedLog::begin_again(options, note->position, {note->position.index, note->members}));
  }
  return remove_seed_note(options.directory);
}

}  // namespace

Error removed_member(const std::string& directory, Index index) {
  return Error{Errc::kExpired, directory + ": this member was removed from its cluster by entry " +
                                   std::to_string(index) +
                                   "; to join again it needs an empty directory"};
}

Error rolled_back_member(const std::string& directory, Index acknowledged) {
  return Error{Errc::kCorrupt,
               directory + ": the log had reached entry " + std::to_string(acknowledged) +
                   ", as other namenodes know, and has not any more: its disk was rolled back; to "
                   "join again this member needs an empty directory"};
}

Result<std::vector<MemberAddress>> others_known(const std::string& directory) {
  MDFS_TRY(const auto note, find_known_note(directory));
  std::vector<MemberAddress> others;
  if (!note) return others;
  MDFS_TRY(const auto roster, decode_members(note->members, directory + "/known"));
  for (const auto& each : roster.members()) {
    const bool other = each.member.id != note->self && !each.member.address.empty();
    if (other) others.push_back(each.member);
  }
  return others;
}

// The notes last: of what is left without them nobody could tell what it is.
Status discard_log(const std::string& directory) {
  MDFS_TRY(const auto loss, find_loss_note(directory));
  if (!loss) MDFS_CHECK(write_loss_note(directory, {}));
  const auto is_note = [](const std::string& name) { return name == "known" || name == "lost"; };
  for (const bool notes : {false, true}) {
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory, error);
         !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
      const auto name = at->path().filename().string();
      if (name == "lock" || is_note(name) != notes) continue;
      if (::unlink(at->path().c_str()) != 0) return errno_error(errno, at->path().string());
    }
    if (error) return errno_error(error.value(), directory);
    MDFS_CHECK(sync_directory(directory));
  }
  return {};
}

Result<std::unique_ptr<SegmentedLog>> open_log_directory(const SegmentedLog::Options& options,
                                                         StateMachine& state,
                                                         const std::optional<Joining>& joining) {
  MDFS_TRY(const auto removal, find_removal_note(options.directory));
  if (removal) return removed_member(options.directory, removal->index);
  MDFS_TRY(const auto loss, find_loss_note(options.directory));
  if (loss) return rolled_back_member(options.directory, loss->acknowledged);
  MDFS_TRY(const bool exists, SegmentedLog::exists(options.directory));
  if (!exists) {
    MDFS_CHECK(joining ? make_joining_log(options, state, *joining) : make_log(options, state));
  }
  MDFS_CHECK(end_seed(options, state));
  MDFS_TRY(auto log, SegmentedLog::open(options, state.applied()));
  MDFS_CHECK(remove_files_of_libraft(options.directory));
  return log;
}

}  // namespace minidfs::consensus
