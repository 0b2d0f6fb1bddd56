// The pieces in which a namespace's database goes to another namenode. Pure. Format:
// docs/formats.md, "Copy of the namespace".
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/checksum.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "metadata/epoch.hpp"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace minidfs::storage {

// The first piece: whose state it is, and what follows.
struct CopyHeader {
  ClusterId cluster;
  metadata::LifeId life;
  std::uint64_t applied = 0;  // The last entry that is in it.
  std::uint32_t schema = 0;   // The version of the database.
  std::uint32_t page_bytes = 0;
  std::uint64_t pages = 0;  // Of the whole database.
};
// Pages of it, each once, in any order.
struct CopyPages {
  std::string records;  // Of each its number (from 1, as a u32) and its bytes.
};
// The last piece.
struct CopyEnd {
  Checksum sum = 0;  // Of all pages, as page_sum() says, modulo 2^64.
};
using CopyPiece = std::variant<CopyHeader, CopyPages, CopyEnd>;

// Of all records of one piece.
inline constexpr std::size_t kCopyRecordsMaxBytes = 240 * 1024;

// Of one record: bound to its place, and so that the order of pages makes no difference to the sum
// of all.
Checksum page_sum(std::string_view record);

// SQLite leaves this page empty, for its locks: https://www.sqlite.org/fileformat2.html, "the
// lock-byte page".
std::uint64_t lock_page(std::uint32_t page_bytes);

class CopyEncoder {
 public:
  CopyEncoder();
  // At most kCopyRecordsMaxBytes of records, which need not shrink: a piece has at most
  // kCopyPieceMaxBytes.
  std::string encode(const CopyPiece& piece);

 private:
  std::unique_ptr<ZSTD_CCtx_s, void (*)(ZSTD_CCtx_s*)> context_;
};
inline constexpr std::size_t kCopyPieceMaxBytes = 256 * 1024;

class CopyDecoder {
 public:
  CopyDecoder();
  // kCorrupt for what CopyEncoder would not write, kUnsupported for a newer version of it. Whether
  // a record's number and size are possible is for whoever knows the header to say.
  Result<CopyPiece> decode(std::string_view piece);

 private:
  Result<CopyPiece> decode_pages(std::string_view frame);

  std::unique_ptr<ZSTD_DCtx_s, void (*)(ZSTD_DCtx_s*)> context_;
};

}  // namespace minidfs::storage
