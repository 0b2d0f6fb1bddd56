// In the place of src/metadata/added_forms.hpp: the next version, as the tests have it, writes
// MarkNamespace with one more field.
#pragma once

#include <cstddef>
#include <variant>

#include "base/codec.hpp"
#include "base/interface_version.hpp"
#include "metadata/changes.hpp"

namespace minidfs::metadata::added {

inline constexpr std::size_t kCount = 1;

inline std::size_t form_of(const Change& change, InterfaceVersion version) {
  return version >= 3 && std::holds_alternative<MarkNamespace>(change) ? 1 : 0;
}

inline void encode(std::size_t /*form*/, const Change& change, Encoder& encoder) {
  encoder.put(std::get<MarkNamespace>(change));
  encoder.put(std::uint32_t{2});
}

inline bool decode(std::size_t /*form*/, Decoder& decoder, Change& change) {
  std::uint32_t more = 0;
  return decoder.get(change.emplace<MarkNamespace>()) && decoder.get(more) && more == 2;
}

}  // namespace minidfs::metadata::added
