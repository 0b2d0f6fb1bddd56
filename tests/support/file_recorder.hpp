// Records the file calls that change a directory, so that a test can build what a crash between any
// two of them may have left. pwrite, fdatasync, fsync, rename and unlink are interposed in what
// this is linked into. Syncs of a recorded directory are not carried out: they only cost time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace minidfs::test {

struct FileCall {
  enum class Kind : std::uint8_t { kWrite, kSync, kSyncDirectory, kRename, kUnlink };
  Kind kind = Kind::kWrite;
  std::string name;    // Of the file, in the directory.
  std::string target;  // Of a rename.
  std::uint64_t offset = 0;
  std::string bytes;
};

// From its construction to its end the one that records; its functions are of one thread.
class FileRecorder {
 public:
  explicit FileRecorder(const std::string& directory);
  ~FileRecorder();
  FileRecorder(const FileRecorder&) = delete;
  FileRecorder& operator=(const FileRecorder&) = delete;

  const std::vector<FileCall>& calls() const;
  // From the call with this place in calls() on all calls fail, with EIO.
  void fail_from(std::size_t place);
};

// While this lives, each sync of a file below the directory takes so much longer; at its end all go
// on. At most one.
class SlowSyncs {
 public:
  SlowSyncs(const std::string& directory, std::chrono::milliseconds delay);
  ~SlowSyncs();
  SlowSyncs(const SlowSyncs&) = delete;
  SlowSyncs& operator=(const SlowSyncs&) = delete;
};

// What is on a disk after some calls, and what of it survives when the power fails then. A value.
class CrashedDisk {
 public:
  enum class Kept : std::uint8_t {
    kSynced,  // What was synced, and nothing else.
    kAll,     // As if only the process had died.
    kSome,    // Any sectors of what was not synced.
  };
  using Contents = std::map<std::string, std::string>;

  CrashedDisk() = default;
  // With files that are synced.
  explicit CrashedDisk(const Contents& contents);

  void carry_out(const FileCall& call);
  // A sync of the file has failed: what it was to make durable is seen until the power fails, and
  // no later sync writes it.
  void fail_sync(const std::string& name);
  Contents contents(Kept kept, std::mt19937& random) const;

 private:
  struct File {
    std::string synced;
    std::vector<std::pair<std::uint64_t, std::string>> unsynced;
  };
  using Names = std::map<std::string, std::size_t>;  // Places in files_.

  File& file_of(const std::string& name);

  std::vector<File> files_;
  Names names_;
  Names synced_names_;
};

// Replaces what a directory holds.
void write_contents(const std::string& directory, const CrashedDisk::Contents& contents);
CrashedDisk::Contents read_contents(const std::string& directory);

}  // namespace minidfs::test
