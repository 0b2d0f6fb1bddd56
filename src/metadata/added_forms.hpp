// Kinds of log entries behind those of Change, for what versions of the interface above the oldest
// one that this build speaks have added to a change: structs never change, so it is written in
// another one, under another kind. It is written so when all members know that, and read as the
// change that it is. Private to changes.cpp.
//
// There are none so far: version 2 has added whole changes, which have kinds of Change. Tests build
// the next version with another file in the place of this one (tests/next_version).
#pragma once

#include <cstddef>

#include "base/codec.hpp"
#include "base/interface_version.hpp"
#include "metadata/changes.hpp"

namespace minidfs::metadata::added {

// Kinds.
inline constexpr std::size_t kCount = 0;

// In which of them, from 1, the change is written among members that speak `version`. 0: in none.
inline std::size_t form_of(const Change& /*change*/, InterfaceVersion /*version*/) { return 0; }

inline void encode(std::size_t /*form*/, const Change& /*change*/, Encoder& /*encoder*/) {}

// False for what encode() would not write.
inline bool decode(std::size_t /*form*/, Decoder& /*decoder*/, Change& /*change*/) { return false; }

}  // namespace minidfs::metadata::added
