// The datanode's block store: replicas of blocks on one or more disks. Large replicas are files of
// their own, small ones share pack files; an index in SQLite finds them. A replica is invisible
// until it is whole and (with Durability::kSync) on stable storage. Formats: docs/formats.md,
// "Block store".
//
// Thread-safe throughout. Owned by the datanode's wiring; handles must not outlive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/blocks/disk_health.hpp"

namespace minidfs::storage {

// A slice holds this many bytes of the file before compression, but for a block's last one.
inline constexpr std::uint32_t kSliceBytes = 64 * 1024;

// One slice as it is stored and sent.
struct Slice {
  std::uint32_t stored_bytes =
      0;                        // 1 to kSliceBytes. Compressed when below the slice's raw length.
  std::uint32_t raw_bytes = 0;  // 1 to kSliceBytes.
  Checksum checksum = 0;        // slice_checksum() of the stored bytes.

  bool compressed() const { return stored_bytes < raw_bytes; }
};

enum class Durability : std::uint8_t {
  kSync,  // A finished replica survives a power cut.
  kNone,  // It survives the death of the process, not of the machine.
};

// How the files of large replicas get to their disk.
enum class WriteCache : std::uint8_t {
  kAuto,    // Past the page cache when nobody will look for them there and they are synced.
  kCached,  // Through the page cache.
  kDirect,  // Past it, where the file system can do that.
};

// Where those who read a block soon will find a replica that is being written.
enum class Readers : std::uint8_t {
  kHere,
  kElsewhere,  // Another datanode holds a replica of the block in its page cache.
  kNobody,     // There will hardly be any, as of a copy that repair makes.
};

struct ReplicaInfo {
  BlockId block;
  std::uint64_t generation = 0;
  std::uint64_t length = 0;        // Raw bytes.
  std::uint64_t stored_bytes = 0;  // Bytes of all slices as stored.

  bool operator==(const ReplicaInfo&) const = default;
};

// Asked before each read of so many bytes; waits as long as it likes. False ends the operation with
// kCancelled.
using Pace = std::function<bool(std::size_t bytes)>;

// How a data directory does.
struct DiskReport {
  std::string directory;
  DiskCondition condition = DiskCondition::kWorks;
  std::int64_t since_ms = 0;  // Unix time at which it came to be so; 0: since the start.
};

// A disk that is given up until the next start.
struct DiskFailure {
  std::string directory;
  Error reason;
  std::vector<ReplicaInfo> lost;  // What it held.
  std::size_t disks_left = 0;
};

struct BlockStoreOptions {
  std::vector<std::string> directories;  // At least one; created when missing.
  ClusterId cluster;                     // None: take what the directories say.
  Durability durability = Durability::kSync;
  WriteCache write_cache = WriteCache::kAuto;
  std::uint64_t pack_limit_bytes = 1ULL << 20;          // Replicas up to this size go to packs.
  std::uint64_t pack_size_bytes = 64ULL << 20;          // A pack is closed at this size.
  std::uint64_t reserved_bytes = 256ULL << 20;          // Left free on every disk.
  std::uint64_t capacity_bytes = 0;                     // 0: as large as the disks.
  std::chrono::milliseconds disk_check_interval{3000};  // Between two probes of a disk.
  std::chrono::milliseconds disk_timeout{10'000};       // Without progress: the disk hangs.
  // Told of each disk that fails while the store is open, from any of its threads. Must neither
  // block nor call the store, and is called until the store is gone. So with the other two.
  std::function<void(const DiskFailure&)> disk_failed;
  // A disk has hung for long: what it holds cannot be read for now; and it can again.
  std::function<void(const std::vector<ReplicaInfo>&)> replicas_unavailable;
  std::function<void(const std::vector<ReplicaInfo>&)> replicas_back;
};

struct StoreUsage {
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;  // By replicas, including those being written.
  std::uint64_t free_bytes = 0;  // What can still be taken.
  std::uint64_t replicas = 0;
};

// Slices of one replica that its writer takes for itself, on a thread of the disk, so that they are
// written where they were received and still stand in that processor's cache.
class SliceSource {
 public:
  struct Slices {
    std::span<const Slice> slices;
    std::span<const std::byte> stored;  // Their bytes, back to back.
  };
  virtual ~SliceSource() = default;

  // The next slices, which stay until the next call and have been verified; none when no more are
  // there now. Must not wait.
  virtual Slices next() = 0;
};

// Receives one replica being written. Used by one thread at a time; nothing here waits for a disk.
// Destroying it before finish() abandons the replica and gives its space back.
class ReplicaWriter {
 public:
  virtual ~ReplicaWriter() = default;

  // Appends whole slices: `stored` holds their bytes back to back and stays valid while the store
  // holds `memory`, which it lets go of when they are written or the replica is lost. The caller
  // has verified the checksums. Only the block's last slice may have less than kSliceBytes of raw
  // bytes.
  // Errors, also of an earlier append: kNoSpace, kIoError, kTimedOut (the disk hangs), upon which
  // the replica is lost; kInvalidArgument.
  virtual Status append(std::span<const Slice> slices, std::span<const std::byte> stored,
                        std::shared_ptr<const void> memory) = 0;

  // Appends what `source` has, until it has nothing more, and then calls `done` once: from a thread
  // of the store, or within a call of this writer when the replica is lost. on_lost() tells errors.
  // Nothing else may be appended meanwhile. False, and nothing is done, for a replica that takes
  // nothing so, as a small one or one whose file is not open yet.
  virtual bool append_from(std::shared_ptr<SliceSource> /*source*/,
                           std::function<void()> /*done*/) {
    return false;
  }

  // Called once, from any thread of the store, when the replica is lost before finish() and no
  // append() has said so. To be set before the first append().
  virtual void on_lost(std::function<void(const Error&)> /*lost*/) {}

  // How long the disk has had work without progress.
  virtual std::chrono::milliseconds stalled_for() const { return std::chrono::milliseconds{0}; }

  // Readers::kHere unless it is said before the first append().
  virtual void expect(Readers /*readers*/) {}

  // Makes the replica durable and visible, replacing an older generation, then calls `done` once,
  // from a thread of the store, or within this call when the replica is lost already. No other call
  // but stalled_for() may follow. Many finish() calls share one sync. kTimedOut when the disk
  // hangs.
  virtual void finish(std::function<void(Result<ReplicaInfo>)> done) = 0;
};

// A replica open for reading. Stays readable after a concurrent remove(). Thread-safe.
class ReplicaReader {
 public:
  virtual ~ReplicaReader() = default;

  virtual const ReplicaInfo& info() const = 0;
  virtual std::span<const Slice> slices() const = 0;

  // The stored bytes of slice i stand at stored_offset(i) of fd(), back to back with their
  // neighbours: ready for sendfile. i may equal slices().size() (the end).
  virtual int fd() const = 0;
  virtual std::uint64_t stored_offset(std::size_t slice) const = 0;

  // All stored bytes, when they were read along at open, as of a small replica; else nothing.
  virtual std::span<const std::byte> content() const { return {}; }

  // Has `job`, which reads from fd(), done on a thread of the disk; when the disk hangs `given_up`
  // is called instead of or besides it, then `job` may still be running, and must not touch what
  // its owner has let go of. Exactly one of `done` and `given_up` is called, maybe within this
  // call.
  struct Job {
    std::function<void()> run;
    std::function<void()> done;
    std::function<void(const Error&)> given_up;
  };
  virtual void submit(Job job) {
    job.run();
    job.done();
  }
  // To be called by a job between two calls.
  virtual void progress() {}

  // Reads `bytes` stored bytes from `offset` of fd() on into `buffer`, which is made as large.
  // Waits for the disk: kTimedOut when it hangs, and then the buffer is no longer the caller's.
  Status read(const std::shared_ptr<std::vector<std::byte>>& buffer, std::uint64_t offset,
              std::size_t bytes);
};

class BlockStore {
 public:
  // Formats empty directories, recovers the others: half-written replicas are removed, whole ones
  // that the index lacks are verified and adopted. A directory that does not work is left out, with
  // a notice, as long as another one works. Errors: kInUse (another process), kWrongCluster,
  // kInvalidArgument (directories that do not belong together), kUnsupported (a newer version);
  // when no directory works, why the first does not, such as kCorrupt (with what to do) or
  // kIoError.
  static Result<std::unique_ptr<BlockStore>> open(const BlockStoreOptions& options);
  virtual ~BlockStore() = default;

  virtual NodeId node_id() const = 0;
  virtual ClusterId cluster_id() const = 0;  // None until set.
  // Binds freshly formatted directories to a cluster; kWrongCluster when bound to another.
  virtual Status set_cluster_id(ClusterId cluster) = 0;

  // `stored_bytes_hint`: an upper bound of the stored size when it is known, else 0. Picks the disk
  // and the form, without touching the disk. Errors: kNoSpace, kAlreadyExists (a finished replica
  // of this generation or newer), kInUse (being written).
  virtual Result<std::unique_ptr<ReplicaWriter>> create(BlockId block, std::uint64_t generation,
                                                        std::uint64_t stored_bytes_hint) = 0;

  // Errors: kNotFound, kStale (the replica has another generation), kCorrupt (its slice table does
  // not match its checksum), kIoError.
  // kTimedOut or kUnavailable when the disk hangs. Waits for the disk.
  virtual Result<std::shared_ptr<ReplicaReader>> open_replica(BlockId block,
                                                              std::uint64_t generation) = 0;
  // Several without waiting: those of one disk are opened one after the other by one of its
  // threads, as handing a single small one over costs more than opening it. `done` is called once
  // for each, with its place among `keys`, from a thread of the store or within the call.
  struct ReplicaKey {
    BlockId block;
    std::uint64_t generation = 0;
  };
  using Opened = std::function<void(std::size_t place, Result<std::shared_ptr<ReplicaReader>>)>;
  virtual void open_replicas(std::span<const ReplicaKey> keys, Opened done) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      done(i, open_replica(keys[i].block, keys[i].generation));
    }
  }

  // Removes the replica unless it is of a newer generation. kNotFound when there is none. Waits for
  // the disk; kTimedOut when it hangs.
  virtual Status remove(BlockId block, std::uint64_t generation) = 0;

  // Replicas with ids above `after`, in order of id, at most `limit`.
  virtual Result<std::vector<ReplicaInfo>> list(BlockId after, std::size_t limit) = 0;
  // The replica of a block, of whatever generation. None also when that cannot be told.
  std::optional<ReplicaInfo> find(BlockId block);

  // --- Looking after what is stored; a store in memory need not ---

  // Takes at most `limit` of the replicas that were finished since the store was opened and not
  // taken yet, the newest first. Of very many the oldest are forgotten.
  virtual std::vector<ReplicaInfo> take_new(std::size_t /*limit*/) { return {}; }

  // Reads the whole replica from its disk and checks it, descriptor and slices. kCorrupt also when
  // its file is gone; kNotFound and kStale as open_replica(), kIoError, kCancelled by `pace`.
  virtual Status verify(BlockId block, std::uint64_t generation, const Pace& pace = {}) {
    static_cast<void>(pace);
    const auto reader = open_replica(block, generation);
    return reader ? Status() : reader.error();
  }

  // Looks whether the files of the replicas with ids above `after` are there and long enough,
  // without reading them; at most `limit` replicas.
  struct FilesChecked {
    std::vector<ReplicaInfo> missing;
    BlockId last;  // Where to go on.
    bool end = false;
  };
  virtual FilesChecked check_files(BlockId /*after*/, std::size_t /*limit*/) {
    return {{}, {}, true};
  }

  // Has the indexes of all disks compared with what was written to them, in the background; one
  // that is damaged is set aside and made anew.
  virtual void check_indexes() {}

  // As remove(), but a copy of the bytes is kept in the folder "corrupt" of the disk, where the
  // oldest give way to new ones.
  virtual Status set_aside(BlockId block, std::uint64_t generation) {
    return remove(block, generation);
  }

  // A replica turned out to be bad or unreadable: probes the disks soon. Does not block.
  virtual void check_disks() {}

  virtual StoreUsage usage() const = 0;

  // Of each data directory, in their order.
  virtual std::vector<DiskReport> disks() const { return {}; }

  // What an operator should know, such as a rebuilt index; newest last, at most 1000. Also logged.
  virtual std::vector<std::string> notices() const { return {}; }
};

}  // namespace minidfs::storage
