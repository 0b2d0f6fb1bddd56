#include "storage/namespace/copy_format.hpp"

#include <zstd.h>

#include <utility>

#include "base/codec.hpp"

namespace minidfs::storage {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CopyHeader& x) {
  return f(x.cluster, x.life, x.applied, x.schema, x.page_bytes, x.pages);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CopyEnd& x) {
  return f(x.sum);
}

namespace {

constexpr std::uint8_t kVersion = 1;

// Do not renumber.
enum class Kind : std::uint8_t { kHeader = 1, kPages = 2, kEnd = 3 };

// The copy is to be quick: a higher level costs more time than it saves on the wire.
constexpr int kLevel = 1;

constexpr std::string_view kWhat = "a copy of the namespace";

constexpr std::int64_t kLockByte = std::int64_t{1} << 30;

static_assert(ZSTD_COMPRESSBOUND(kCopyRecordsMaxBytes) + 1 <= kCopyPieceMaxBytes);

Error corrupt(const std::string& why) { return {Errc::kCorrupt, std::string(kWhat) + ": " + why}; }

}  // namespace

Checksum page_sum(std::string_view record) { return checksum(record); }

std::uint64_t lock_page(std::uint32_t page_bytes) {
  return static_cast<std::uint64_t>(kLockByte) / page_bytes + 1;
}

CopyEncoder::CopyEncoder()
    : context_(ZSTD_createCCtx(), [](ZSTD_CCtx* context) { ZSTD_freeCCtx(context); }) {}

std::string CopyEncoder::encode(const CopyPiece& piece) {
  std::string bytes;
  Encoder out(bytes);
  if (const auto* header = std::get_if<CopyHeader>(&piece)) {
    out.put(Kind::kHeader);
    out.put(kVersion);
    out.put(*header);
  } else if (const auto* end = std::get_if<CopyEnd>(&piece)) {
    out.put(Kind::kEnd);
    out.put(*end);
  } else {
    const auto& records = std::get<CopyPages>(piece).records;
    MDFS_ASSERT(records.size() <= kCopyRecordsMaxBytes);
    out.put(Kind::kPages);
    bytes.resize(1 + ZSTD_compressBound(records.size()));
    const auto size = ZSTD_compressCCtx(context_.get(), bytes.data() + 1, bytes.size() - 1,
                                        records.data(), records.size(), kLevel);
    MDFS_ASSERT(ZSTD_isError(size) == 0);
    bytes.resize(1 + size);
  }
  return bytes;
}

CopyDecoder::CopyDecoder()
    : context_(ZSTD_createDCtx(), [](ZSTD_DCtx* context) { ZSTD_freeDCtx(context); }) {}

Result<CopyPiece> CopyDecoder::decode(std::string_view piece) {
  if (piece.empty()) return corrupt("an empty piece");
  const auto kind = static_cast<Kind>(piece.front());
  piece.remove_prefix(1);
  switch (kind) {
    case Kind::kHeader: {
      if (piece.empty() || static_cast<std::uint8_t>(piece.front()) > kVersion) {
        return Error{Errc::kUnsupported, std::string(kWhat) + ": of a newer version of minidfs"};
      }
      MDFS_TRY(auto header, minidfs::decode<CopyHeader>(piece.substr(1), kWhat));
      return CopyPiece(header);
    }
    case Kind::kPages:
      return decode_pages(piece);
    case Kind::kEnd: {
      MDFS_TRY(auto end, minidfs::decode<CopyEnd>(piece, kWhat));
      return CopyPiece(end);
    }
  }
  return corrupt("a piece of a kind that is not known");
}

Result<CopyPiece> CopyDecoder::decode_pages(std::string_view frame) {
  const auto size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == 0 || size > kCopyRecordsMaxBytes) return corrupt("pages of a size that cannot be");
  CopyPages pages;
  pages.records.resize(size);
  const auto got =
      ZSTD_decompressDCtx(context_.get(), pages.records.data(), size, frame.data(), frame.size());
  if (got != size) return corrupt("pages that cannot be decompressed");
  return CopyPiece(std::move(pages));
}

}  // namespace minidfs::storage
