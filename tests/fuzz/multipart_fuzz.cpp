// Forms with files, and the fields of requests for parts of files.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/rest/byte_ranges.hpp"
#include "http/rest/form_fields.hpp"
#include "http/rest/multipart_parser.hpp"

using namespace minidfs::http;
using namespace minidfs::http::rest;

namespace {

struct Outcome {
  std::string events;
  std::size_t data_bytes = 0;
  bool refused = false;

  bool operator==(const Outcome&) const = default;
};

void note(const FormEvent& event, Outcome& outcome) {
  if (const auto* begins = std::get_if<PartBegins>(&event)) {
    outcome.events += '[';
    static_cast<void>(file_name_of(begins->fields));
  } else if (const auto* data = std::get_if<PartData>(&event)) {
    if (data->bytes.empty()) __builtin_trap();
    outcome.events += data->bytes;
    outcome.data_bytes += data->bytes.size();
  } else {
    outcome.events += std::holds_alternative<PartEnds>(event) ? ']' : '.';
  }
}

Outcome parse(std::string_view form, std::size_t piece) {
  auto parser = MultipartParser::make("B", {64, 8});
  if (!parser.ok()) __builtin_trap();
  Outcome outcome;
  for (std::size_t at = 0; at < form.size(); at += piece) {
    auto bytes = form.substr(at, piece);
    for (;;) {
      const auto event = parser->next(bytes);
      if (!event.ok()) {
        outcome.refused = true;
        return outcome;
      }
      if (!event->has_value()) break;
      note(**event, outcome);
    }
    if (!bytes.empty()) __builtin_trap();
  }
  outcome.refused = !parser->finish().ok();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view form(reinterpret_cast<const char*>(data), size);
  const auto whole = parse(form, size + 1);
  // What a form says does not depend on how it was cut on its way.
  if (!(parse(form, 1) == whole) || !(parse(form, 3) == whole)) __builtin_trap();
  if (whole.data_bytes > size) __builtin_trap();

  Fields fields;
  fields.add("Content-Type", std::string(form));
  fields.add("Content-Disposition", std::string(form));
  if (const auto boundary = boundary_of(fields); boundary.ok()) {
    static_cast<void>(MultipartParser::make(*boundary));
  }
  const auto name = file_name_of(fields);
  if (name.ok() && name->has_value() && (*name)->find('/') != std::string::npos) __builtin_trap();
  for (const auto& range : choose_ranges(form, 1000).ranges) {
    if (range.length == 0 || range.offset + range.length > 1000) __builtin_trap();
  }
  return 0;
}
