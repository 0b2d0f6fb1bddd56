// The client library: what the command line, and later the gateways, are built on. Finds the
// namenode, retries what may be retried, writes and reads files. Knows nothing of terminals.
//
// A FileSystem is thread-safe; its calls block, bounded by Options::timeout without progress.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "auth/credentials.hpp"
#include "base/result.hpp"
#include "client/cluster_status.hpp"
#include "client/hdfs_checksum.hpp"
#include "client/local_datanode.hpp"
#include "client/quorum.hpp"
#include "metadata/changes.hpp"
#include "metadata/types.hpp"

namespace minidfs::client {

struct LocalNamenode;

struct Options {
  std::vector<metadata::Endpoint> namenodes;
  auth::CredentialsPtr credentials{};  // Null: for clusters without a secret.
  std::chrono::milliseconds stale{0};  // As in LinkOptions.
  std::shared_ptr<const std::vector<LocalNamenode>> local{};  // As in LinkOptions.
  std::string user;
  std::string group;
  std::optional<NodeId> datanode{};  // That this client is part of: it is read and written first.
  std::vector<LocalDatanode> local_datanodes{};
  std::chrono::milliseconds connect_timeout{2000};  // Of one attempt.
  std::chrono::milliseconds timeout{10000};         // Of a request with all its retries.
  std::uint8_t replication = 3;
  std::uint64_t block_size = 64ULL << 20;
  std::string compression = "none";
  std::uint32_t parallel_blocks = 2;                 // Of one file, in flight.
  std::uint32_t parallel_batches = 4;                // Of small files, in flight.
  std::uint32_t batch_files = 256;                   // Small files in a batch.
  std::uint64_t small_file_bytes = 1 << 20;          // Files up to this size go in batches.
  std::uint8_t min_replication = 1;                  // A block with fewer copies fails its write.
  std::chrono::milliseconds progress_timeout{5000};  // A datanode without progress is left.
  std::chrono::milliseconds disk_timeout{10'000};    // One whose disk makes none, likewise.
  // A read that got no byte for so long is asked of a second datanode as well. 0: never.
  std::chrono::milliseconds hedge_after{500};
  // Of the checksums that are given to clients of HDFS.
  CombineMode checksum_combine_mode = CombineMode::kMd5Md5Crc;
};

// Told of progress, at most about ten times a second; may be called from any thread, one at a time.
struct Progress {
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;  // 0: unknown.
  std::uint64_t files_done = 0;
  std::uint64_t files_total = 0;
};
using ProgressCallback = std::function<void(const Progress&)>;

// Told of every file among many that could not be copied, one at a time and from any thread; the
// error names the file. All others are copied, and the error of the whole call is only what ended
// it early. Where none is given the first such failure is the call's error, after all others.
using FailureCallback = std::function<void(const Error&)>;

struct WriteOptions {
  bool overwrite = false;
  bool keep_existing = false;    // What exists is left as it is and is no failure.
  bool preserve = false;         // Modes and times of local files become those of the new ones.
  std::uint8_t replication = 0;  // 0: as in Options, and so on.
  std::uint64_t block_size = 0;
  std::string compression;
  ProgressCallback progress;
  FailureCallback failed;  // Of write_files().
};

struct ReadOptions {
  bool overwrite = false;      // A local file that exists is replaced when the new one is whole.
  bool keep_existing = false;  // What exists is left as it is and is no failure; without overwrite.
  bool preserve = false;       // Modes and times of the files become those of the local ones.
  // What can be read of damaged files is stored, with zeros for the rest; each is told of as one
  // that failed (kCorrupt).
  bool salvage = false;
  ProgressCallback progress;
  FailureCallback failed;
};

// What a write achieved.
struct WriteReport {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t kept = 0;  // Files that existed; see WriteOptions::keep_existing.
  std::uint8_t copies_wanted = 0;
  std::uint8_t copies_min = 0;  // The fewest copies that any block got.
};

// What is kept of a file beside its bytes.
struct Attributes {
  std::uint16_t permission = 0;  // 0 to 01777.
  std::int64_t modified_ms = 0;
  std::int64_t accessed_ms = 0;
};

// Where a file's bytes come from. read() fills the span as far as there is data; 0 is the end. It
// is called by one thread at a time, but not always by the same.
class Source {
 public:
  virtual ~Source() = default;
  virtual Result<std::size_t> read(std::span<std::byte> buffer) = 0;
  // Bytes if known beforehand, else 0.
  virtual std::uint64_t size_hint() const { return 0; }
  // A file descriptor that can be read with pread at any offset, or -1 (a pipe).
  virtual int seekable_fd() const { return -1; }
  // Those of a regular file; a pipe has none.
  virtual std::optional<Attributes> attributes() const { return std::nullopt; }
};

// Takes a file's bytes in order.
using Sink = std::function<Status(std::span<const std::byte>)>;
// Takes them with their offset in the file, in any order, from several threads at a time.
using PlacedSink = std::function<Status(std::uint64_t, std::span<const std::byte>)>;

// One file of a tree to copy.
struct LocalFile {
  std::string local_path;
  std::string path;  // In the file system.
};

class FileSystem {
 public:
  static Result<std::unique_ptr<FileSystem>> connect(Options options);
  virtual ~FileSystem() = default;

  // Namespace. Paths are absolute; errors carry the path.
  virtual Result<metadata::FileStatus> stat(const std::string& path) = 0;
  virtual Result<std::vector<metadata::FileStatus>> list(const std::string& path) = 0;
  virtual Status make_directory(const std::string& path, bool parents) = 0;
  virtual Status remove(const std::string& path, bool recursive) = 0;
  virtual Status rename(const std::string& source, const std::string& target) = 0;
  virtual Status set_replication(const std::string& path, std::uint8_t replication) = 0;
  // Of many entries: one that cannot be changed stops none of the others; see FailureCallback.
  virtual Status set_attributes(const std::vector<metadata::EntryAttributes>& entries,
                                const FailureCallback& failed) = 0;
  virtual Status set_owner(const std::vector<metadata::EntryOwner>& entries,
                           const FailureCallback& failed) = 0;
  // The bytes of the sources are added to the target, in their order, and the sources disappear:
  // all or none. All are files of one directory.
  virtual Status concat(const std::string& target, const std::vector<std::string>& sources) = 0;
  virtual Result<std::vector<metadata::LocatedBlock>> locate(const std::string& path) = 0;
  virtual Result<ClusterStatus> status() = 0;
  static constexpr std::size_t kProbedMax = 64;
  // Tries to reach datanodes that are not dead, and marks those that were tried. Takes about
  // `within` at most. Of more than kProbedMax only so many are tried: those that have fallen silent
  // before others, which are chosen at random.
  virtual void probe_nodes(ClusterStatus& status, std::chrono::milliseconds within) = 0;

  // Administration.
  // kLeave fails with kBehind when the datanodes know a later state of the cluster than the
  // namenode; kAccept leaves and says that the namenode's state counts.
  enum class SafeModeAction : std::uint8_t { kStatus, kEnter, kLeave, kAccept };
  virtual Result<SafeMode> safe_mode(SafeModeAction action) = 0;
  // The end of maintenance is `maintenance` from now on by the namenode's clock. kInUse for a node
  // that lives and is to be forgotten.
  virtual Status decide_node(NodeId node, metadata::NodeAction action,
                             std::chrono::milliseconds maintenance) = 0;
  // Begins, ends or asks about what the namenode does in the background: to move blocks until no
  // node is farther than `threshold` times the mean from the mean.
  enum class BalanceAction : std::uint8_t { kStatus, kBegin, kStop };
  virtual Result<Balance> balance(BalanceAction action, double threshold) = 0;
  virtual Result<FileCopies> file_copies(const std::string& path) = 0;
  // Calls `take` for every block of the cluster that is not as it should be. Returns what datanodes
  // have not told the namenode yet, though it was waited for, in words: blocks may be called
  // missing for that alone. Empty: they have told all.
  virtual Result<std::string> check_blocks(
      const std::function<void(const BlockProblem&)>& take) = 0;
  // Has all datanodes check all their replicas at once. With `wait` returns when all that live have
  // done so; calls `progress` now and then meanwhile. What they found is reported and repaired as
  // ever, whether anybody waits or not.
  using ScrubProgress = std::function<void(const std::vector<NodeScrub>&)>;
  virtual Result<std::vector<NodeScrub>> scrub(bool wait, const ScrubProgress& progress) = 0;
  // How far the datanodes are, without asking anything of them.
  virtual Result<std::vector<NodeScrub>> scrub_state() = 0;

  // The namenodes; see quorum.hpp.
  virtual Result<Quorum> quorum() = 0;
  virtual Status transfer_leadership(std::uint64_t member) = 0;
  virtual Status remove_namenode(std::uint64_t member) = 0;
  virtual Result<std::vector<NamenodeDigest>> digest_namenodes() = 0;

  // Takes a consistent copy of the running namenode's namespace into a local directory, which must
  // be missing or empty and appears when it is whole and on stable storage.
  virtual Result<BackupReport> back_up_namespace(const std::string& local_directory) = 0;

  // Writes one file; it is visible as a whole when this returns. kAlreadyExists without overwrite.
  // What can be read of the source is what is stored, whatever length it has or had.
  virtual Result<WriteReport> write_file(const std::string& path, Source& source,
                                         const WriteOptions& options) = 0;
  // Adds what the source has to the end of a file that exists, wherever that is by then; it is
  // visible when this returns. Of several who do so at once each adds all of its bytes in one
  // piece, but for sources of more than 8,192 blocks, whose bytes appear part by part. The file's
  // block size, copies and compression count.
  virtual Result<WriteReport> append_file(const std::string& path, Source& source,
                                          const ProgressCallback& progress) = 0;
  // Writes many local files, small ones in batches. The parents are created. One that cannot be
  // written stops none of the others; see FailureCallback.
  virtual Result<WriteReport> write_files(const std::vector<LocalFile>& files,
                                          const WriteOptions& options) = 0;

  // The modes and times of local files or directories become those of what they were written to.
  // One that cannot be stops none of the others; see FailureCallback.
  virtual Status preserve_attributes(const std::vector<LocalFile>& files,
                                     const FailureCallback& failed) = 0;

  // Reads [offset, offset + length) of a file, up to its end, in order.
  virtual Status read_file(const std::string& path, std::uint64_t offset, std::uint64_t length,
                           const Sink& sink, const ProgressCallback& progress) = 0;
  // Reads a whole file in order, with zeros for what no replica can give: kCorrupt tells how much
  // that was when all the rest has gone to `sink`.
  virtual Status salvage_file(const std::string& path, const Sink& sink,
                              const ProgressCallback& progress) = 0;
  // Reads a whole file, several parts of it at a time (twice Options::parallel_blocks). After an
  // error any of its bytes may have gone to `sink`.
  virtual Status read_file_in_parallel(const std::string& path, const PlacedSink& sink,
                                       const ProgressCallback& progress) = 0;
  // HDFS's checksum of a file, which is made where its replicas are.
  virtual Result<HdfsChecksum> hdfs_checksum(const std::string& path, CombineMode mode) = 0;
  // Reads a file or, with everything below it, a directory, to a local path (a directory to put it
  // in is resolved by the caller). The path must not exist, but with ReadOptions::overwrite and
  // ReadOptions::keep_existing (directories of the same name are merged) and for a link to nowhere.
  // Links are followed. Local files appear whole.
  virtual Status read_tree(const std::string& path, const std::string& local_path,
                           const ReadOptions& options) = 0;

  // For a process that is about to end, from another thread than those inside other calls: ends the
  // write sessions, so that what they have sent is given up at once, and removes unfinished local
  // files. Returns within about `within`; the other calls fail then, or never return.
  virtual void abandon(std::chrono::milliseconds within) = 0;
};

}  // namespace minidfs::client
