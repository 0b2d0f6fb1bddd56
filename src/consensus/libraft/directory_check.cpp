#include "consensus/libraft/directory_check.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <tuple>

#include "base/file.hpp"
#include "consensus/libraft/envelope.hpp"
#include "consensus/libraft/segment_file.hpp"

namespace minidfs::consensus {
namespace {

constexpr std::size_t kFileMaxBytes = 64 << 20;  // Segments have 8 MiB.
constexpr std::uint64_t kBootstrapVersionMax = 3;

struct Metadata {
  std::uint64_t version = 0;  // 0: no valid file.
  std::uint64_t term = 0;
  std::uint64_t voted_for = 0;
};

struct SegmentName {
  std::string name;
  std::uint64_t first = 0;  // Of an open segment: its counter.
  std::uint64_t last = 0;
};

struct SnapshotName {
  std::string name;  // Of the .meta file without its suffix.
  std::uint64_t term = 0;
  std::uint64_t index = 0;
  std::uint64_t timestamp = 0;
};

struct Listing {
  std::vector<SegmentName> closed;
  std::vector<SegmentName> open;
  std::optional<SnapshotName> snapshot;  // The newest whose two files exist: libraft's choice.
  bool any_snapshot_file = false;
};

// Splits "<prefix>N-N-N" into `count` decimal numbers.
bool parse_numbers(std::string_view text, std::string_view prefix, std::uint64_t* out, int count) {
  if (!text.starts_with(prefix)) return false;
  const char* cursor = text.data() + prefix.size();
  const char* end = text.data() + text.size();
  for (int i = 0; i < count; ++i) {
    if (i > 0 && (cursor == end || *cursor++ != '-')) return false;
    const auto [next, error] = std::from_chars(cursor, end, out[i]);
    if (error != std::errc{}) return false;
    cursor = next;
  }
  return cursor == end;
}

Error damaged(const std::string& path, const std::string& what) {
  return Error{Errc::kCorrupt,
               path + ": " + what +
                   "; the log is damaged and was left as it is: restore this directory together "
                   "with the database from one backup"};
}

class Check {
 public:
  Check(const std::string& directory, std::uint64_t applied)
      : directory_(directory), applied_(applied) {}

  Result<DirectoryFacts> run() {
    MDFS_CHECK(list());
    MDFS_CHECK(load_metadata());
    if (bootstrap_incomplete()) return fresh();
    if (metadata_.version == 0) {
      return damaged(directory_,
                     "log files are there, metadata1 and metadata2 are missing or empty");
    }
    MDFS_CHECK(load_snapshot());
    MDFS_CHECK(check_closed());
    MDFS_CHECK(check_open());
    if (!names_members_) {
      return damaged(directory_,
                     "the entry that names the members is missing (a segment or a snapshot was "
                     "removed)");
    }
    facts_.last_number = number_;
    facts_.term = metadata_.term;
    if (applied_ < snapshot_number_) return database_too_old();
    if (number_ < applied_) return log_behind("its last command");
    return std::move(facts_);
  }

 private:
  std::string path(const std::string& name) const { return directory_ + "/" + name; }

  Status list() {
    std::error_code error;
    for (auto it = std::filesystem::directory_iterator(directory_, error);
         !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
      add_name(it->path().filename().string());
    }
    if (error) return errno_error(error.value(), directory_);
    const auto by_first = [](const auto& a, const auto& b) { return a.first < b.first; };
    std::sort(listing_.closed.begin(), listing_.closed.end(), by_first);
    std::sort(listing_.open.begin(), listing_.open.end(), by_first);
    return {};
  }

  void add_name(const std::string& name) {
    std::uint64_t n[3] = {};
    if (parse_numbers(name, "", n, 2)) {
      listing_.closed.push_back({name, n[0], n[1]});
    } else if (parse_numbers(name, "open-", n, 1)) {
      listing_.open.push_back({name, n[0], 0});
    } else if (name.starts_with("snapshot-")) {
      listing_.any_snapshot_file = true;
      constexpr std::string_view kSuffix = ".meta";
      if (!name.ends_with(kSuffix)) return;
      const auto stem = name.substr(0, name.size() - kSuffix.size());
      std::error_code error;
      const auto size = std::filesystem::file_size(path(stem), error);
      if (!parse_numbers(stem, "snapshot-", n, 3) || error || size == 0) return;
      const auto& best = listing_.snapshot;
      if (!best ||
          std::tie(best->term, best->index, best->timestamp) < std::tie(n[0], n[1], n[2])) {
        listing_.snapshot = SnapshotName{stem, n[0], n[1], n[2]};
      }
    }
  }

  // A file that is empty or short was cut by a crash while it was rewritten; the other one holds.
  Status load_metadata() {
    std::uint64_t versions[2] = {};
    for (int i = 0; i < 2; ++i) {
      const auto name = path("metadata" + std::to_string(i + 1));
      auto bytes = read_file(name, 4096);
      if (!bytes.ok() && bytes.error().code == Errc::kNotFound) continue;
      if (!bytes.ok()) return std::move(bytes).error();
      metadata_files_.push_back(name);
      if (bytes->size() < 32) continue;
      std::uint64_t words[4];
      std::memcpy(words, bytes->data(), sizeof words);
      if (bytes->size() != 32 || words[0] != 1 || words[1] == 0 ||
          words[1] % 2 != static_cast<std::uint64_t>(1 - i)) {
        return damaged(name, "not a metadata file of format 1");
      }
      versions[i] = words[1];
      if (words[1] > metadata_.version) metadata_ = {words[1], words[2], words[3]};
    }
    return check_metadata_pair(versions[0], versions[1]);
  }

  // libraft writes the files in turn, so that the versions differ by one, and a single file exists
  // only at version 1. A vote or a term of a lost newer file would be forgotten: refused.
  Status check_metadata_pair(std::uint64_t first, std::uint64_t second) {
    if (first != 0 && second != 0 && first + 1 != second && second + 1 != first) {
      return damaged(path("metadata1"), "version " + std::to_string(first) +
                                            " does not follow version " + std::to_string(second) +
                                            " of metadata2");
    }
    if (metadata_files_.size() == 1 && metadata_.version > 1) {
      return damaged(metadata_files_.front(), "version " + std::to_string(metadata_.version) +
                                                  ", but the other metadata file is missing");
    }
    return {};
  }

  // True for an empty directory, and for one where a crash hit the very first start, before which
  // nothing can have been acknowledged.
  bool bootstrap_incomplete() {
    if (!listing_.open.empty() || listing_.any_snapshot_file) return false;
    if (metadata_.version > kBootstrapVersionMax || metadata_.term > 1 ||
        metadata_.voted_for != 0) {
      return false;
    }
    if (listing_.closed.empty()) return true;
    if (listing_.closed.size() > 1 || listing_.closed[0].first != 1 || applied_ != 0 ||
        listing_.closed[0].last != 1) {
      return false;
    }
    const auto bytes = read_file(path(listing_.closed[0].name), kFileMaxBytes);
    if (!bytes.ok()) return false;
    const auto scan = scan_segment(*bytes, listing_.closed[0].name);
    return scan.ok() && scan->blank;
  }

  Result<DirectoryFacts> fresh() {
    if (applied_ != 0) return log_behind("empty: it ends at number");
    facts_.fresh = true;
    return std::move(facts_);
  }

  Status load_snapshot() {
    if (!listing_.snapshot) return {};
    const auto& snapshot = *listing_.snapshot;
    const auto name = path(snapshot.name);
    MDFS_TRY(const auto meta, read_file(name + ".meta", kFileMaxBytes));
    MDFS_TRY(const auto data, read_file(name, kFileMaxBytes));
    std::uint64_t words[4] = {};
    if (meta.size() >= sizeof words) std::memcpy(words, meta.data(), sizeof words);
    if (words[0] != 1 || words[3] == 0 || words[3] != meta.size() - sizeof words ||
        raft_crc32(std::string_view(meta).substr(16)) != words[1]) {
      return damaged(name + ".meta", "checksum mismatch");
    }
    const auto number = decode_snapshot(data, name);
    if (!number.ok()) return damaged(name, "checksum mismatch");
    snapshot_number_ = number_ = *number;
    names_members_ = true;
    snapshot_index_ = snapshot.index;
    next_index_ = snapshot.index + 1;
    return {};
  }

  // Closed segments must form one chain that reaches from the snapshot, or from the first entry, to
  // the end. Older ones that a crash kept from being deleted lie before the chain.
  Status check_closed() {
    auto& closed = listing_.closed;
    if (closed.empty()) return {};
    std::size_t start = closed.size() - 1;
    while (start > 0 && closed[start - 1].last + 1 == closed[start].first) --start;
    if (closed[start].first > snapshot_index_ + 1) {
      return damaged(path(closed[start].name),
                     "the entries from " + std::to_string(snapshot_index_ + 1) + " to " +
                         std::to_string(closed[start].first - 1) +
                         " before it are missing (a segment or a snapshot was removed)");
    }
    for (; start < closed.size(); ++start) {
      const auto& segment = closed[start];
      const auto name = path(segment.name);
      MDFS_TRY(const auto bytes, read_file(name, kFileMaxBytes));
      auto scan = scan_segment(bytes, name);
      if (!scan.ok()) return damaged(name, "no valid header");
      const auto expected = segment.last - segment.first + 1;
      if (scan->end != bytes.size() || scan->entries.size() != expected) {
        return damaged(name,
                       std::to_string(scan->entries.size()) + " of " + std::to_string(expected) +
                           " entries can be read, damaged at byte " + std::to_string(scan->end));
      }
      next_index_ = segment.first;
      MDFS_CHECK(take_entries(*scan, name));
    }
    return {};
  }

  Status check_open() {
    for (const auto& segment : listing_.open) {
      const auto name = path(segment.name);
      MDFS_TRY(const auto bytes, read_file(name, kFileMaxBytes));
      auto scan = scan_segment(bytes, name);
      if (!scan.ok()) return damaged(name, "no valid header");
      if (scan->blank) continue;
      if (!torn_.empty()) return damaged(torn_, "damaged, and later entries follow in " + name);
      if (scan->first_index != 0 && scan->first_index != next_index_) {
        return damaged(name, "starts at entry " + std::to_string(scan->first_index) +
                                 " instead of " + std::to_string(next_index_));
      }
      MDFS_CHECK(take_entries(*scan, name));
      MDFS_CHECK(judge_end(*scan, bytes, name));
    }
    return {};
  }

  // What follows the last whole batch of an open segment: unused zeros, the rest of a write that a
  // crash cut short, or damage.
  Status judge_end(const SegmentScan& scan, std::string_view bytes, const std::string& name) {
    if (scan.clean_end) return {};
    if (scan.too_short)
      return damaged(name, "ends within an entry at byte " + std::to_string(scan.end));
    std::uint64_t acknowledged = 0;
    scan_beyond(bytes, scan.end, [&](const StoredEntry& entry) {
      if (entry.type != EntryType::kCommand || entry.term > metadata_.term) return;
      const auto decoded = decode_entry(entry.data, name);
      if (decoded.ok()) acknowledged = std::max(acknowledged, decoded->header.committed_number);
    });
    if (acknowledged > number_) {
      return damaged(name, "damaged at byte " + std::to_string(scan.end) + ", where command " +
                               std::to_string(number_ + 1) + " stood; commands up to " +
                               std::to_string(acknowledged) + " were acknowledged");
    }
    torn_ = name;
    return {};
  }

  Status take_entries(const SegmentScan& scan, const std::string& name) {
    for (const auto& entry : scan.entries) {
      const auto index = next_index_++;
      if (entry.term == 0 || entry.term < last_term_ || entry.term > metadata_.term) {
        return damaged(name, "entry " + std::to_string(index) + " has term " +
                                 std::to_string(entry.term) + " after term " +
                                 std::to_string(last_term_) + "; metadata says term " +
                                 std::to_string(metadata_.term));
      }
      last_term_ = entry.term;
      names_members_ = names_members_ || entry.type == EntryType::kChange;
      if (index <= snapshot_index_ || entry.type != EntryType::kCommand) continue;
      const auto decoded = decode_entry(entry.data, name);
      if (!decoded.ok()) return damaged(name, "entry " + std::to_string(index) + " is no command");
      if (decoded->header.committed_number > number_) {
        return damaged(name, "entry " + std::to_string(index) + " would be command " +
                                 std::to_string(number_ + 1) + ", but follows command " +
                                 std::to_string(decoded->header.committed_number) +
                                 ": entries before it are missing");
      }
      if (++number_ > applied_) facts_.unapplied.emplace_back(decoded->command);
    }
    return {};
  }

  Error log_behind(const std::string& what) const {
    return Error{Errc::kCorrupt,
                 directory_ + ": the log is behind its database: " + what + " " +
                     std::to_string(number_) + ", the database holds commands up to " +
                     std::to_string(applied_) +
                     "; restore both from one backup (the log directory was lost, damaged or "
                     "belongs to another database), nothing was changed"};
  }

  Error database_too_old() const {
    return Error{Errc::kCorrupt,
                 directory_ +
                     ": the database is older than the log's snapshot: it holds commands "
                     "up to " +
                     std::to_string(applied_) + ", the log starts after " +
                     std::to_string(snapshot_number_) +
                     "; restore both from one backup, nothing was changed"};
  }

  const std::string& directory_;
  const std::uint64_t applied_;
  Listing listing_;
  Metadata metadata_;
  std::vector<std::string> metadata_files_;
  std::uint64_t snapshot_index_ = 0;
  std::uint64_t snapshot_number_ = 0;  // The last command that the snapshot covers.
  std::uint64_t next_index_ = 1;
  std::uint64_t last_term_ = 0;
  std::uint64_t number_ = 0;    // Of the last command counted so far.
  bool names_members_ = false;  // A snapshot does, or an entry.
  std::string torn_;            // The open segment with an unfinished write at its end.
  DirectoryFacts facts_;
};

}  // namespace

Result<DirectoryFacts> check_directory(const std::string& directory, std::uint64_t applied) {
  return Check(directory, applied).run();
}

}  // namespace minidfs::consensus
