#include "metadata/changes.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "base/codec.hpp"
#include "metadata/added_forms.hpp"

namespace minidfs::metadata {
namespace {

// Added to an entry's kind when its cluster time stands before the change.
constexpr std::size_t kWithTime = 0x80;
constexpr std::size_t kOwnKinds = std::variant_size_v<Change>;
constexpr std::size_t kKinds = kOwnKinds + added::kCount;
static_assert(kKinds < kWithTime);

template <class Alternative, class... All>
constexpr std::size_t kind_in(const std::variant<All...>*) {
  std::size_t index = 0;
  static_cast<void>(((std::is_same_v<Alternative, All> || (++index, false)) || ...));
  return index + 1;
}
constexpr std::size_t kMarkKind = kind_in<MarkNamespace>(static_cast<const Change*>(nullptr));
static_assert(kMarkKind == 17);
// The kinds up to this one are of version 1.
constexpr std::size_t kFirstKinds = kMarkKind;

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

bool decode_kind(std::size_t kind, Decoder& decoder, Change& change) {
  if (kind > kOwnKinds) return added::decode(kind - kOwnKinds, decoder, change);
  return decode_alternative(kind - 1, decoder, change, std::make_index_sequence<kOwnKinds>());
}

}  // namespace

InterfaceVersion known_since(const Change& change) { return change.index() < kFirstKinds ? 1 : 2; }

Status check_known(const Change& change, InterfaceVersion known_by_all) {
  const auto since = known_since(change);
  if (since <= known_by_all) return {};
  return Error{
      Errc::kUnsupported,
      "needs version " + std::to_string(since) +
          " of the interface, but not all namenodes are known to speak more than version " +
          std::to_string(known_by_all) + "; it can be done when all have been upgraded"};
}

std::string encode_change(const Change& change, std::int64_t cluster_ms,
                          InterfaceVersion known_by_all) {
  std::string entry;
  const std::size_t form = added::form_of(change, known_by_all);
  const std::size_t kind = form == 0 ? change.index() + 1 : kOwnKinds + form;
  entry.push_back(static_cast<char>(kind + (cluster_ms != 0 ? kWithTime : 0)));
  Encoder encoder(entry);
  if (cluster_ms != 0) encoder.put(cluster_ms);
  if (form != 0) {
    added::encode(form, change, encoder);
  } else {
    std::visit([&](const auto& alternative) { encoder.put(alternative); }, change);
  }
  return entry;
}

Result<LogEntry> decode_entry(std::string_view bytes) {
  const std::size_t first = bytes.empty() ? 0 : static_cast<unsigned char>(bytes.front());
  const std::size_t kind = first % kWithTime;
  if (kind > kKinds) {
    return Error{Errc::kUnsupported, "log entry of kind " + std::to_string(kind) +
                                         ", but this version knows 1 to " + std::to_string(kKinds)};
  }
  LogEntry entry;
  Decoder decoder(bytes.substr(std::min<std::size_t>(bytes.size(), 1)));
  const bool timed = first == kind || (decoder.get(entry.cluster_ms) && entry.cluster_ms != 0);
  if (!timed || !decode_kind(kind, decoder, entry.change) || !decoder.rest().empty()) {
    return Error{Errc::kCorrupt, "log entry of kind " + std::to_string(first) + ": " +
                                     std::to_string(bytes.size()) + " bytes that do not decode"};
  }
  return entry;
}

std::optional<std::uint64_t> mark_of(std::string_view bytes) {
  const std::size_t first = bytes.empty() ? 0 : static_cast<unsigned char>(bytes.front());
  const std::size_t kind = first % kWithTime;
  if (kind != kMarkKind && kind <= kOwnKinds) return std::nullopt;
  const auto entry = decode_entry(bytes);
  if (!entry.ok()) return std::nullopt;
  const auto* mark = std::get_if<MarkNamespace>(&entry->change);
  return mark == nullptr ? std::nullopt : std::optional(mark->mark);
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
