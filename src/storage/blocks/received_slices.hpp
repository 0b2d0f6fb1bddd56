// The slices of a replica that have been received so far, and the rules that they follow.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "storage/blocks/replica_format.hpp"

namespace minidfs::storage {

inline std::string writer_name(BlockId block, std::uint64_t generation) {
  return "block " + to_string(block) + " of generation " + std::to_string(generation);
}

struct Received {
  ReplicaInfo info;
  std::vector<Slice> slices;

  Status add(std::span<const Slice> added, std::size_t stored_size) {
    const auto invalid = [this](const std::string& what) {
      return Error{Errc::kInvalidArgument, writer_name(info.block, info.generation) + ": " + what};
    };
    if (slices.size() + added.size() > kSliceCountMax) return invalid("too many slices");
    bool ended = !slices.empty() && slices.back().raw_bytes != kSliceBytes;
    std::uint64_t stored_bytes = 0;
    std::uint64_t raw_bytes = 0;
    for (const Slice& slice : added) {
      if (ended) return invalid("a slice follows the last one");
      if (slice.raw_bytes == 0 || slice.raw_bytes > kSliceBytes || slice.stored_bytes == 0 ||
          slice.stored_bytes > slice.raw_bytes) {
        return invalid("a slice of " + std::to_string(slice.stored_bytes) + " stored and " +
                       std::to_string(slice.raw_bytes) + " raw bytes");
      }
      ended = slice.raw_bytes != kSliceBytes;
      stored_bytes += slice.stored_bytes;
      raw_bytes += slice.raw_bytes;
    }
    if (stored_bytes != stored_size) {
      return invalid("slices of " + std::to_string(stored_bytes) + " bytes came with " +
                     std::to_string(stored_size));
    }
    slices.insert(slices.end(), added.begin(), added.end());
    info.stored_bytes += stored_bytes;
    info.length += raw_bytes;
    return {};
  }

  Status check_finish() const {
    if (!slices.empty()) return {};
    return Error{Errc::kInvalidArgument,
                 writer_name(info.block, info.generation) + ": finished without a slice"};
  }
};

}  // namespace minidfs::storage
