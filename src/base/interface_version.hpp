// The version of what processes of minidfs say to each other: control messages, frames of the data
// plane, messages between namenodes, and entries of their log. One number for all of it; what each
// version has added stands in docs/formats.md, "Versions". A build speaks its own version and the
// one before, so that a cluster is upgraded one process after the other
// (docs/decisions/one-version-for-all-interfaces.md).
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace minidfs {

// From 1. 0 is said by builds of before there were versions, which nobody speaks with.
using InterfaceVersion = std::uint16_t;

// All that a build speaks. In hellos of both ports.
struct InterfaceVersions {
  InterfaceVersion newest = 0;
  InterfaceVersion oldest = 0;

  friend bool operator==(const InterfaceVersions&, const InterfaceVersions&) = default;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, InterfaceVersions& x) {
  return f(x.newest, x.oldest);
}

// Of this build.
InterfaceVersions own_versions();

// What two processes speak: the newest version that both know. kUnsupported when there is none; the
// error says the same at both ends.
Result<InterfaceVersion> common_version(InterfaceVersions listening, InterfaceVersions connecting);

// "version 2", "versions 1 to 2", "a version of before there were numbers".
std::string to_string(InterfaceVersions versions);

}  // namespace minidfs
