#include "storage/blocks/slice_codec.hpp"

#include <zstd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace minidfs::storage {

namespace {

constexpr int kLevelMax = 19;
constexpr std::size_t kEncodeBytesMax = std::size_t{1} << 20;

// kAuto: a slice counts as shrunk when it saves at least this part of itself; below that the
// reader's decompression costs more than the bytes.
constexpr std::uint32_t kAutoSavingDivisor = 16;
// kAuto: after so many slices in a row that did not shrink, pause.
constexpr int kAutoFailuresMax = 2;
// kAuto: the pause doubles from the first to the second number of slices.
constexpr int kAutoPauseMin = 8;
constexpr int kAutoPauseMax = 64;

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

Result<Compression> parse_compression(std::string_view text) {
  if (text == "none") return Compression{};
  if (text == "auto") return Compression{Compression::Mode::kAuto, 3};
  if (text == "zstd") return Compression{Compression::Mode::kZstd, 3};
  constexpr std::string_view kPrefix = "zstd:";
  if (text.substr(0, kPrefix.size()) == kPrefix) {
    const std::string_view digits = text.substr(kPrefix.size());
    int level = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), level);
    if (error == std::errc{} && end == digits.data() + digits.size() && level >= 1 &&
        level <= kLevelMax) {
      return Compression{Compression::Mode::kZstd, level};
    }
  }
  return Error{Errc::kInvalidArgument,
               "compression '" + std::string(text) +
                   "': must be none, zstd, zstd:L with L from 1 to 19, or auto"};
}

std::string to_string(const Compression& compression) {
  switch (compression.mode) {
    case Compression::Mode::kNone:
      return "none";
    case Compression::Mode::kAuto:
      return "auto";
    case Compression::Mode::kZstd:
      break;
  }
  return "zstd:" + std::to_string(compression.level);
}

struct SliceEncoder::State {
  Compression compression;
  SlicePlace next;
  std::unique_ptr<ZSTD_CCtx, FreeCompressor> context;  // None until the first attempt.
  std::vector<Slice> slices;
  std::vector<std::byte> buffer;  // The stored form of a call in which some slice shrank.

  // kAuto only.
  int failures = 0;  // Slices in a row that did not shrink.
  int pause = 0;     // Slices still to be left alone.
  int next_pause = kAutoPauseMin;

  bool attempts() {
    if (compression.mode == Compression::Mode::kNone) return false;
    if (compression.mode == Compression::Mode::kZstd) return true;
    if (pause == 0) return true;
    --pause;
    return false;
  }

  void learn(bool shrank) {
    if (compression.mode != Compression::Mode::kAuto) return;
    if (shrank) {
      failures = 0;
      next_pause = kAutoPauseMin;
    } else if (++failures >= kAutoFailuresMax) {
      failures = kAutoFailuresMax - 1;  // One further failure suffices after the pause.
      pause = next_pause;
      next_pause = std::min(next_pause * 2, kAutoPauseMax);
    }
  }

  // Compresses `raw` to `out`, which has room for as many bytes. 0 when that does not pay.
  std::size_t compress(std::span<const std::byte> raw, std::byte* out) {
    if (!context) {
      context.reset(ZSTD_createCCtx());
      MDFS_ASSERT(context != nullptr);
      ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, compression.level);
    }
    const bool is_auto = compression.mode == Compression::Mode::kAuto;
    const std::size_t saving = is_auto ? raw.size() / kAutoSavingDivisor : 0;
    const std::size_t room = raw.size() - std::max<std::size_t>(saving, 1);
    const std::size_t size = ZSTD_compress2(context.get(), out, room, raw.data(), raw.size());
    return ZSTD_isError(size) != 0 ? 0 : size;  // The one expected error: it needs more room.
  }
};

SliceEncoder::SliceEncoder(Compression compression) : state_(std::make_unique<State>()) {
  state_->compression = compression;
}
SliceEncoder::~SliceEncoder() = default;
SliceEncoder::SliceEncoder(SliceEncoder&&) noexcept = default;
SliceEncoder& SliceEncoder::operator=(SliceEncoder&&) noexcept = default;

void SliceEncoder::begin_block(BlockId block, std::uint64_t generation) {
  state_->next = {block, generation};
  state_->failures = 0;
  state_->pause = 0;
  state_->next_pause = kAutoPauseMin;
}

SliceEncoder::Encoded SliceEncoder::encode(std::span<const std::byte> raw) {
  MDFS_ASSERT(raw.size() <= kEncodeBytesMax);
  State& state = *state_;
  state.slices.clear();
  bool buffered = false;  // Whether state.buffer holds what has been encoded so far.
  std::size_t stored_bytes = 0;
  for (std::size_t begin = 0; begin < raw.size(); begin += kSliceBytes) {
    const auto slice_raw =
        raw.subspan(begin, std::min<std::size_t>(kSliceBytes, raw.size() - begin));
    std::span<const std::byte> slice_stored = slice_raw;
    if (state.attempts()) {
      if (state.buffer.size() < raw.size()) state.buffer.resize(raw.size());
      std::byte* const out = state.buffer.data() + stored_bytes;
      const std::size_t size = state.compress(slice_raw, out);
      state.learn(size != 0);
      if (size != 0) {
        if (!buffered) std::memcpy(state.buffer.data(), raw.data(), stored_bytes);
        buffered = true;
        slice_stored = {out, size};
      }
    }
    if (buffered && slice_stored.data() == slice_raw.data()) {
      std::memcpy(state.buffer.data() + stored_bytes, slice_raw.data(), slice_raw.size());
    }
    stored_bytes += slice_stored.size();
    Slice& slice = state.slices.emplace_back();
    slice.stored_bytes = static_cast<std::uint32_t>(slice_stored.size());
    slice.raw_bytes = static_cast<std::uint32_t>(slice_raw.size());
    slice.checksum = slice_checksum(state.next, slice_stored);
    ++state.next.slice;
  }
  const std::span<const std::byte> stored =
      buffered ? std::span<const std::byte>(state.buffer.data(), stored_bytes) : raw;
  return {state.slices, stored};
}

struct SliceDecoder::State {
  std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context;  // None until a compressed slice comes.
  std::unique_ptr<std::byte[]> buffer;                   // kSliceBytes, together with `context`.
};

SliceDecoder::SliceDecoder() : state_(std::make_unique<State>()) {}
SliceDecoder::~SliceDecoder() = default;
SliceDecoder::SliceDecoder(SliceDecoder&&) noexcept = default;
SliceDecoder& SliceDecoder::operator=(SliceDecoder&&) noexcept = default;

Result<std::span<const std::byte>> SliceDecoder::decode(const SlicePlace& place, const Slice& slice,
                                                        std::span<const std::byte> stored) {
  const auto corrupt = [&](std::string_view what) {
    return Error{Errc::kCorrupt, "block " + to_string(place.block) + ", slice " +
                                     std::to_string(place.slice) + ": " + std::string(what)};
  };
  if (slice.raw_bytes == 0 || slice.raw_bytes > kSliceBytes || slice.stored_bytes == 0 ||
      slice.stored_bytes > slice.raw_bytes) {
    return corrupt("impossible sizes, " + std::to_string(slice.stored_bytes) + " stored of " +
                   std::to_string(slice.raw_bytes) + " raw bytes");
  }
  if (stored.size() != slice.stored_bytes) {
    return corrupt("has " + std::to_string(stored.size()) + " stored bytes instead of " +
                   std::to_string(slice.stored_bytes));
  }
  if (slice_checksum(place, stored) != slice.checksum) {
    return corrupt("its " + std::to_string(stored.size()) + " bytes do not match its checksum");
  }
  if (!slice.compressed()) return stored;

  if (!state_->context) {
    state_->context.reset(ZSTD_createDCtx());
    MDFS_ASSERT(state_->context != nullptr);
    state_->buffer.reset(new std::byte[kSliceBytes]);
  }
  const std::size_t size = ZSTD_decompressDCtx(state_->context.get(), state_->buffer.get(),
                                               slice.raw_bytes, stored.data(), stored.size());
  if (ZSTD_isError(size) != 0) {
    return corrupt(std::string("zstd says: ") + ZSTD_getErrorName(size));
  }
  if (size != slice.raw_bytes) {
    return corrupt("decompresses to " + std::to_string(size) + " bytes instead of " +
                   std::to_string(slice.raw_bytes));
  }
  return std::span<const std::byte>(state_->buffer.get(), size);
}

}  // namespace minidfs::storage
