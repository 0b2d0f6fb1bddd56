// Keeps the index of one disk up with the catalog, a little behind it, and gives back the space of
// removed replicas in packs. Owns a thread and the index.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "storage/blocks/block_index.hpp"
#include "storage/blocks/replica_catalog.hpp"

namespace minidfs::storage {

class DiskKeeper {
 public:
  struct Options {
    std::string directory;
    DiskId disk;
    std::uint16_t disk_number = 0;
    std::function<bool()> failed;                         // Whether the disk has failed.
    std::function<void(const Error&)> write_failed;       // Is told of errors of the index.
    std::function<void(std::string)> notice;              // Takes what the operator should know.
    std::function<void(std::uint32_t pack)> forget_pack;  // Closes a pack that goes away.
    std::function<void()> gave_back;                      // Space may have come free.
  };
  DiskKeeper(Options options, std::unique_ptr<BlockIndex> index, ReplicaCatalog& catalog);
  ~DiskKeeper();  // After ReplicaCatalog::close(): writes what is left and ends.
  DiskKeeper(const DiskKeeper&) = delete;
  DiskKeeper& operator=(const DiskKeeper&) = delete;

  // Has the index compared with what was written to it, soon; one that is damaged is made anew.
  // Thread-safe.
  void check_index();

 private:
  void run();
  void apply();
  void check_now();
  void renew_index(const Error& reason);
  void note_removals(const std::vector<IndexChange>& changes);
  void give_back();
  bool make_removals_durable();
  void punch(std::uint32_t pack, const PackGap& gap);

  const Options options_;
  ReplicaCatalog& catalog_;
  std::atomic<bool> check_wanted_{false};

  // The thread's own.
  std::unique_ptr<BlockIndex> index_;   // None once it was set aside.
  std::vector<IndexChange> unwritten_;  // Changes that the index could not take yet.
  std::set<std::pair<std::uint32_t, std::uint64_t>> dead_;  // Records (pack, place) to punch out.
  std::set<std::uint32_t> maybe_dead_packs_;
  std::thread thread_;
};

}  // namespace minidfs::storage
