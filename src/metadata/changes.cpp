#include "metadata/changes.hpp"

#include <type_traits>
#include <utility>

#include "base/codec.hpp"

namespace minidfs::metadata {
namespace {

// Added to an entry's kind when its cluster time stands before the change.
constexpr std::size_t kWithTime = 0x80;
static_assert(std::variant_size_v<Change> < kWithTime);

template <class Alternative, class... All>
constexpr std::size_t kind_in(const std::variant<All...>*) {
  std::size_t index = 0;
  static_cast<void>(((std::is_same_v<Alternative, All> || (++index, false)) || ...));
  return index + 1;
}
constexpr std::size_t kMarkKind = kind_in<MarkNamespace>(static_cast<const Change*>(nullptr));
static_assert(kMarkKind == 17);

// The value of an outcome that tells forgotten() from other expiries.
constexpr std::uint64_t kForgottenValue = 1;

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

std::string encode_change(const Change& change, std::int64_t cluster_ms) {
  std::string entry;
  const std::size_t kind = change.index() + 1 + (cluster_ms != 0 ? kWithTime : 0);
  entry.push_back(static_cast<char>(kind));
  Encoder encoder(entry);
  if (cluster_ms != 0) encoder.put(cluster_ms);
  std::visit([&](const auto& alternative) { encoder.put(alternative); }, change);
  return entry;
}

Result<LogEntry> decode_entry(std::string_view bytes) {
  const std::size_t first = bytes.empty() ? 0 : static_cast<unsigned char>(bytes.front());
  const std::size_t kind = first % kWithTime;
  if (kind == 0 || kind > std::variant_size_v<Change>) {
    return Error{Errc::kUnsupported, "log entry of kind " + std::to_string(first) +
                                         ", but this version knows 1 to " +
                                         std::to_string(std::variant_size_v<Change>)};
  }
  LogEntry entry;
  Decoder decoder(bytes.substr(1));
  const bool timed = first == kind || (decoder.get(entry.cluster_ms) && entry.cluster_ms != 0);
  if (!timed ||
      !decode_alternative(kind - 1, decoder, entry.change,
                          std::make_index_sequence<std::variant_size_v<Change>>()) ||
      !decoder.rest().empty()) {
    return Error{Errc::kCorrupt, "log entry of kind " + std::to_string(first) + ": " +
                                     std::to_string(bytes.size()) + " bytes that do not decode"};
  }
  return entry;
}

std::optional<std::uint64_t> mark_of(std::string_view bytes) {
  const std::size_t first = bytes.empty() ? 0 : static_cast<unsigned char>(bytes.front());
  if (first % kWithTime != kMarkKind) return std::nullopt;
  const auto entry = decode_entry(bytes);
  if (!entry.ok()) return std::nullopt;
  return std::get<MarkNamespace>(entry->change).mark;
}

Result<Change> decode_change(std::string_view bytes) {
  MDFS_TRY(auto entry, decode_entry(bytes));
  return std::move(entry.change);
}

ChangeReply forgotten(const RequestId& request) {
  return {{{static_cast<std::uint8_t>(Errc::kExpired),
            "request " + std::to_string(request.sequence) + " of client " +
                to_string(request.client) + " is older than what is remembered of requests",
            kForgottenValue}}};
}

bool is_forgotten(const ChangeReply& reply) {
  return reply.outcomes.size() == 1 &&
         reply.outcomes[0].code == static_cast<std::uint8_t>(Errc::kExpired) &&
         reply.outcomes[0].value == kForgottenValue;
}

Result<std::uint64_t> to_result(const Outcome& outcome) {
  if (outcome.ok()) return outcome.value;
  const Errc code = is_errc(outcome.code) ? static_cast<Errc>(outcome.code) : Errc::kInternal;
  return Error{code, outcome.message};
}

}  // namespace minidfs::metadata
