#include "metadata/changes.hpp"

#include <utility>

#include "base/codec.hpp"

namespace minidfs::metadata {
namespace {

// Decodes the alternative number `index` of Change from `bytes`.
template <std::size_t... Indexes>
bool decode_alternative(std::size_t index, Decoder& decoder, Change& change,
                        std::index_sequence<Indexes...>) {
  const auto decode_one = [&]<std::size_t kIndex>() {
    return decoder.get(change.emplace<kIndex>());
  };
  return ((index == Indexes && decode_one.template operator()<Indexes>()) || ...);
}

}  // namespace

std::string encode_change(const Change& change) {
  std::string entry;
  entry.push_back(static_cast<char>(change.index() + 1));
  std::visit([&](const auto& alternative) { Encoder(entry).put(alternative); }, change);
  return entry;
}

Result<Change> decode_change(std::string_view entry) {
  const std::size_t kind = entry.empty() ? 0 : static_cast<unsigned char>(entry.front());
  if (kind == 0 || kind > std::variant_size_v<Change>) {
    return Error{Errc::kUnsupported, "log entry of kind " + std::to_string(kind) +
                                         ", but this version knows 1 to " +
                                         std::to_string(std::variant_size_v<Change>)};
  }
  Change change;
  Decoder decoder(entry.substr(1));
  if (!decode_alternative(kind - 1, decoder, change,
                          std::make_index_sequence<std::variant_size_v<Change>>()) ||
      !decoder.rest().empty()) {
    return Error{Errc::kCorrupt, "log entry of kind " + std::to_string(kind) + ": " +
                                     std::to_string(entry.size()) + " bytes that do not decode"};
  }
  return change;
}

Result<std::uint64_t> to_result(const Outcome& outcome) {
  if (outcome.ok()) return outcome.value;
  const Errc code = is_errc(outcome.code) ? static_cast<Errc>(outcome.code) : Errc::kInternal;
  return Error{code, outcome.message};
}

}  // namespace minidfs::metadata
