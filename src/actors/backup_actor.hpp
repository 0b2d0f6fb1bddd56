// The actor that hands copies of the namespace's database to operators, one at a time. Detached:
// its thread is the one that the copy keeps busy, and nothing else waits for it.
//
//   BackupRequest{offset 0} ─> the log confirms that this one leads, and holds all that was
//   answered
//     ─> begins to copy, in steps ──> whole ─> parts, read from a file, whoever leads then
//              └── "not ready" meanwhile          └── end, or long silence
#pragma once

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "actors/interfaces.hpp"
#include "actors/internal_messages.hpp"
#include "actors/request_lane.hpp"
#include "consensus/log.hpp"
#include "storage/namespace/namespace_backup.hpp"

namespace minidfs::actors {

using CopyAtom = caf::atom_constant<caf::atom("copy")>;

using BackupActor =
    ServedByBackups::extend<caf::reacts_to<CopyAtom, std::uint64_t>, caf::reacts_to<ReadConfirmed>>;

// What the wiring hands to the actor.
struct BackupParts {
  consensus::Log* log = nullptr;  // Outlives the actor.
  std::string database_path;
  std::string copy_path;             // On the same disk, for the time of a backup.
  std::uint64_t free_min_bytes = 0;  // Of that disk, beside the copy.
  // The VERSION file that belongs to a copy of this life.
  std::function<std::string(metadata::LifeId)> version_file;
  RequestLanePtr lane;  // That requests come by.
};

class BackupActorState {
 public:
  static inline const char* name = "backups";

  using Self = BackupActor::stateful_base<BackupActorState>;

  void start(Self* self, BackupParts parts);
  caf::result<BackupReply> answer(const BackupRequest& request);
  // Whoever asks late asks again for the same part.
  std::optional<caf::error> refuse(const Patience& /*patience*/) { return std::nullopt; }
  const RequestLanePtr& lane() const { return parts_.lane; }
  void take_confirmation(const ReadConfirmed& confirmed);
  // Goes on with the copy of this number, or looks whether its reader still lives.
  void work(std::uint64_t number);

 private:
  struct Waiting {
    BackupRequest request;
    caf::typed_response_promise<BackupReply> promise;
  };

  caf::result<BackupReply> confirm(const BackupRequest& request);
  Result<BackupReply> serve(const BackupRequest& request);
  Status begin(const BackupRequest& request);
  Result<BackupReply> part(const BackupRequest& request);
  bool is_silent() const;
  void drop();

  Self* self_ = nullptr;
  BackupParts parts_;
  std::map<std::uint64_t, Waiting> waiting_;  // For the log, by number.
  std::uint64_t last_asked_ = 0;
  ClientId reader_;  // None: no copy is being made or read.
  std::unique_ptr<storage::NamespaceBackup> backup_;
  Status failure_;  // Of the copy; told to its reader.
  std::chrono::steady_clock::time_point asked_at_{};
  std::uint64_t number_ = 0;  // Of the copies of this process.
};

BackupActor::behavior_type backup_actor(BackupActor::stateful_pointer<BackupActorState> self,
                                        std::shared_ptr<BackupParts> parts);

}  // namespace minidfs::actors
