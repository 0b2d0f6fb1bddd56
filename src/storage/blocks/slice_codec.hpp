// Turns the bytes of a block into slices (compression, checksums) and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/blocks/block_store.hpp"

namespace minidfs::storage {

struct Compression {
  enum class Mode : std::uint8_t { kNone, kZstd, kAuto };
  Mode mode = Mode::kNone;
  int level = 3;  // 1 to 19.
};

// "none", "zstd", "zstd:L" with L from 1 to 19, or "auto".
Result<Compression> parse_compression(std::string_view text);
std::string to_string(const Compression& compression);

// Makes slices of a block's bytes. One encoder serves many blocks, one after another; not
// thread-safe. With kAuto it stops trying to compress a block whose first slices do not shrink, and
// tries again later in it now and then.
class SliceEncoder {
 public:
  explicit SliceEncoder(Compression compression);
  ~SliceEncoder();
  SliceEncoder(SliceEncoder&&) noexcept;
  SliceEncoder& operator=(SliceEncoder&&) noexcept;

  void begin_block(BlockId block, std::uint64_t generation);

  struct Encoded {
    std::span<const Slice> slices;
    std::span<const std::byte> stored;  // Either `raw` itself or the encoder's own buffer.
  };
  // Encodes the next bytes of the block: a multiple of kSliceBytes unless they are its last, and at
  // most 1 MiB. What is returned holds until the next call and as long as `raw`.
  Encoded encode(std::span<const std::byte> raw);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Verifies and decompresses slices. Not thread-safe.
class SliceDecoder {
 public:
  SliceDecoder();
  ~SliceDecoder();
  SliceDecoder(SliceDecoder&&) noexcept;
  SliceDecoder& operator=(SliceDecoder&&) noexcept;

  // The raw bytes of the slice at `place`: `stored` itself, or the decoder's buffer until the
  // next call. kCorrupt when the checksum, the sizes or the compressed form are wrong.
  Result<std::span<const std::byte>> decode(const SlicePlace& place, const Slice& slice,
                                            std::span<const std::byte> stored);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minidfs::storage
