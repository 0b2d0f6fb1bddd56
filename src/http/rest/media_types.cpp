#include "http/rest/media_types.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "http/field_text.hpp"

namespace minidfs::http::rest {
namespace {

enum class Shown : std::uint8_t { kNever, kAsItIs, kAsText };

struct MediaType {
  std::string_view extension;
  std::string_view type;
  Shown shown;
};

constexpr std::string_view kPlainText = "text/plain; charset=utf-8";
constexpr std::string_view kUnknown = "application/octet-stream";

// SVG is a picture that runs scripts, so it is not shown.
constexpr std::array kTypes{
    MediaType{"aac", "audio/aac", Shown::kAsItIs},
    MediaType{"avif", "image/avif", Shown::kAsItIs},
    MediaType{"avro", "application/avro", Shown::kNever},
    MediaType{"bmp", "image/bmp", Shown::kAsItIs},
    MediaType{"bz2", "application/x-bzip2", Shown::kNever},
    MediaType{"c", kPlainText, Shown::kAsText},
    MediaType{"cfg", kPlainText, Shown::kAsText},
    MediaType{"conf", kPlainText, Shown::kAsText},
    MediaType{"cpp", kPlainText, Shown::kAsText},
    MediaType{"css", "text/css; charset=utf-8", Shown::kAsText},
    MediaType{"csv", "text/csv; charset=utf-8", Shown::kAsText},
    MediaType{"flac", "audio/flac", Shown::kAsItIs},
    MediaType{"gif", "image/gif", Shown::kAsItIs},
    MediaType{"gz", "application/gzip", Shown::kNever},
    MediaType{"h", kPlainText, Shown::kAsText},
    MediaType{"hpp", kPlainText, Shown::kAsText},
    MediaType{"htm", "text/html", Shown::kAsText},
    MediaType{"html", "text/html", Shown::kAsText},
    MediaType{"ico", "image/x-icon", Shown::kAsItIs},
    MediaType{"ini", kPlainText, Shown::kAsText},
    MediaType{"jpeg", "image/jpeg", Shown::kAsItIs},
    MediaType{"jpg", "image/jpeg", Shown::kAsItIs},
    MediaType{"js", "text/javascript; charset=utf-8", Shown::kAsText},
    MediaType{"json", "application/json", Shown::kAsText},
    MediaType{"jsonl", "application/jsonl", Shown::kAsText},
    MediaType{"log", kPlainText, Shown::kAsText},
    MediaType{"m4a", "audio/mp4", Shown::kAsItIs},
    MediaType{"md", "text/markdown; charset=utf-8", Shown::kAsText},
    MediaType{"mkv", "video/x-matroska", Shown::kNever},
    MediaType{"mp3", "audio/mpeg", Shown::kAsItIs},
    MediaType{"mp4", "video/mp4", Shown::kAsItIs},
    MediaType{"ogg", "audio/ogg", Shown::kAsItIs},
    MediaType{"parquet", "application/vnd.apache.parquet", Shown::kNever},
    MediaType{"pdf", "application/pdf", Shown::kNever},
    MediaType{"png", "image/png", Shown::kAsItIs},
    MediaType{"py", kPlainText, Shown::kAsText},
    MediaType{"sh", kPlainText, Shown::kAsText},
    MediaType{"sql", kPlainText, Shown::kAsText},
    MediaType{"svg", "image/svg+xml", Shown::kNever},
    MediaType{"tar", "application/x-tar", Shown::kNever},
    MediaType{"toml", kPlainText, Shown::kAsText},
    MediaType{"tsv", "text/tab-separated-values; charset=utf-8", Shown::kAsText},
    MediaType{"txt", kPlainText, Shown::kAsText},
    MediaType{"wav", "audio/wav", Shown::kAsItIs},
    MediaType{"webm", "video/webm", Shown::kAsItIs},
    MediaType{"webp", "image/webp", Shown::kAsItIs},
    MediaType{"xml", "application/xml", Shown::kAsText},
    MediaType{"xz", "application/x-xz", Shown::kNever},
    MediaType{"yaml", kPlainText, Shown::kAsText},
    MediaType{"yml", kPlainText, Shown::kAsText},
    MediaType{"zip", "application/zip", Shown::kNever},
    MediaType{"zst", "application/zstd", Shown::kNever},
};

constexpr bool in_order() {
  for (std::size_t i = 1; i < kTypes.size(); ++i) {
    if (!(kTypes[i - 1].extension < kTypes[i].extension)) return false;
  }
  return true;
}
static_assert(in_order(), "find() searches by halves");

const MediaType* find(std::string_view name) {
  const auto dot = name.rfind('.');
  if (dot == name.npos) return nullptr;
  const auto extension = lower_case(name.substr(dot + 1));
  const auto* const found = std::lower_bound(
      kTypes.begin(), kTypes.end(), extension,
      [](const MediaType& each, std::string_view wanted) { return each.extension < wanted; });
  return found != kTypes.end() && found->extension == extension ? found : nullptr;
}

}  // namespace

std::string_view media_type_of(std::string_view name) {
  const auto* const found = find(name);
  return found == nullptr ? kUnknown : found->type;
}

std::string_view shown_type_of(std::string_view name) {
  const auto* const found = find(name);
  if (found == nullptr || found->shown == Shown::kNever) return {};
  return found->shown == Shown::kAsText ? kPlainText : found->type;
}

}  // namespace minidfs::http::rest
