// A log's directory as libraft left it behind a namenode of before, byte for byte as
// docs/formats.md says under "raft/ of before".
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/codec.hpp"
#include "consensus/libraft/envelope.hpp"
#include "consensus/libraft/segment_file.hpp"
#include "support/file_recorder.hpp"

namespace minidfs::consensus::test {

struct LibraftEntry {
  std::uint64_t term = 1;
  EntryType type = EntryType::kCommand;
  std::string data;
};

inline std::string libraft_batch(const std::vector<LibraftEntry>& entries) {
  std::string header;
  std::string data;
  Encoder encoder(header);
  encoder.put(std::uint64_t{entries.size()});
  for (const auto& entry : entries) {
    encoder.put(entry.term);
    encoder.put(static_cast<std::uint32_t>(entry.type));  // One byte, and three unused.
    encoder.put(static_cast<std::uint32_t>(entry.data.size()));
    data += entry.data + std::string(padded_to_8(entry.data.size()) - entry.data.size(), '\0');
  }
  return encode(raft_crc32(header)) + encode(raft_crc32(data)) + header + data;
}

inline std::string libraft_metadata(std::uint64_t version, std::uint64_t term, std::uint64_t vote) {
  return encode(std::uint64_t{1}) + encode(version) + encode(term) + encode(vote);
}

// A command as it stood in an entry.
inline std::string libraft_envelope(const EntryHeader& header, const std::string& command) {
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes += command;
  bytes.resize(entry_bytes(command.size()), '\0');
  return bytes;
}

// The entry of command `number`, whose proposer knew all before it to be committed.
inline LibraftEntry libraft_command(std::uint64_t number, const std::string& command,
                                    std::uint64_t term) {
  const EntryHeader header{static_cast<std::uint32_t>(command.size()), 1, number - 1, 7, number};
  return {term, EntryType::kCommand, libraft_envelope(header, command)};
}

// The first half of the commands in a closed segment, the others one by one in an open one, whose
// end is unused.
inline minidfs::test::CrashedDisk::Contents libraft_directory(
    const std::vector<std::string>& commands) {
  constexpr std::uint64_t kTerm = 3;
  const std::string format = encode(std::uint64_t{1});
  minidfs::test::CrashedDisk::Contents contents;
  contents["metadata1"] = libraft_metadata(3, kTerm, 1);
  contents["metadata2"] = libraft_metadata(2, kTerm - 1, 1);
  contents["0000000000000001-0000000000000001"] =
      format + libraft_batch({{1, EntryType::kChange, std::string(16, 'c')}});
  const auto half = commands.size() / 2;
  std::vector<LibraftEntry> first;
  std::string open = format;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (i < half) {
      first.push_back(libraft_command(i + 1, commands[i], 1));
    } else {
      open += libraft_batch({libraft_command(i + 1, commands[i], kTerm)});
    }
  }
  const auto last = std::to_string(half + 1);
  contents["0000000000000002-" + std::string(16 - last.size(), '0') + last] =
      format + libraft_batch(first);
  contents["open-1"] = open + std::string(4096, '\0');
  contents["open-2"] = std::string(4096, '\0');
  return contents;
}

}  // namespace minidfs::consensus::test
