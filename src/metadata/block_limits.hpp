// The limits of what describes a block: the same for the rules of the namespace, for what is sent
// and for the block map, which packs these numbers.
#pragma once

#include <cstdint>

namespace minidfs::metadata {

inline constexpr std::uint64_t kGenerationMax = (std::uint64_t{1} << 48) - 1;  // From 1.
inline constexpr std::uint64_t kBlockLengthMax = (std::uint64_t{1} << 40) - 1;
// Of a file's block size; its blocks are at most kBlockLengthMax long.
inline constexpr std::uint64_t kBlockSizeMax = std::uint64_t{1} << 40;

}  // namespace minidfs::metadata
