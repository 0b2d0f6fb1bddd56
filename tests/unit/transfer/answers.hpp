// Answers to requests for reading, as a data server sends them.
#pragma once

#include <string>

#include "storage/blocks/slice_codec.hpp"
#include "transfer/answer_reader.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {

// The whole answer to `request`, of a block that holds `bytes`.
inline std::string answer_to(const ReadRequest& request, const std::string& bytes,
                             const char* compression = "none") {
  constexpr std::uint64_t kSlice = storage::kSliceBytes;
  const std::uint64_t first = request.offset / kSlice;
  const std::uint64_t end = request.offset + request.length;
  const std::uint64_t slices = request.length == 0 ? 0 : (end - 1) / kSlice - first + 1;
  std::string out;
  append_frame(out, FrameType::kReadBegins, ReadBegins{request.block, first, slices, bytes.size()});
  storage::SliceEncoder encoder(*storage::parse_compression(compression));
  encoder.begin_block(request.block, request.generation);
  const auto all = std::as_bytes(std::span(bytes));
  for (std::uint64_t at = 0; at < first + slices;) {
    // The checksum of a slice is tied to its place, so those before are encoded too.
    const auto count = at < first ? std::min(first - at, std::uint64_t{16})
                                  : std::min(first + slices - at, std::uint64_t{16});
    const auto raw = all.subspan(at * kSlice);
    const auto encoded =
        encoder.encode(raw.first(std::min<std::size_t>(raw.size(), count * kSlice)));
    if (at >= first) {
      append_slices_head(out, FrameType::kReadSlices, encoded.slices);
      out.append(reinterpret_cast<const char*>(encoded.stored.data()), encoded.stored.size());
    }
    at += count;
  }
  return out;
}

}  // namespace minidfs::transfer
