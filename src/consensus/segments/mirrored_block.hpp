// A small block that a file holds twice, so that neither a crash while it is written nor damage to
// one place loses it: one copy is durable before the other is touched. Format: docs/formats.md,
// "What is written twice".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace minidfs::consensus {

inline constexpr std::size_t kBlockBytes = 4096;
inline constexpr std::size_t kBlockContentMaxBytes = 4064;

// The first eight bytes of a block: what it is.
enum class BlockMagic : std::uint8_t { kState, kSegment };

struct DecodedBlock {
  std::uint64_t count = 0;
  std::string content;
};

std::string encode_block(BlockMagic magic, std::uint64_t count, std::string_view content);
// kUnsupported for a whole block of a newer version, kCorrupt for what is no block; `what` names
// it.
Result<DecodedBlock> decode_block(BlockMagic magic, std::string_view bytes,
                                  const std::string& what);

// The two copies in one file, which the caller keeps open.
class MirroredBlock {
 public:
  // Where the copies begin.
  using Places = std::array<std::uint64_t, 2>;

  MirroredBlock(BlockMagic magic, Places places, std::string path);

  // The newest content. kCorrupt when no copy is whole.
  Result<std::string> load(int fd);
  // Whether both copies hold what load() returned or store() wrote.
  bool whole() const { return counts_[0] == counts_[1]; }
  // Durable on return, with two syncs.
  Status store(int fd, std::string_view content);
  // In a file that nobody reads yet: both at once, not synced.
  Status write_first(int fd, std::string_view content);

 private:
  Status write_copy(int fd, std::size_t copy, std::uint64_t count, std::string_view content);

  BlockMagic magic_;
  Places places_;
  std::string path_;
  std::array<std::uint64_t, 2> counts_{};  // Of each copy; 0: not whole.
};

}  // namespace minidfs::consensus
