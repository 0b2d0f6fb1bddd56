// What the environment says of a simulator's run.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace minidfs::sim {

inline std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace minidfs::sim
