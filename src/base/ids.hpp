// Explicit identifier types, so that a block id never passes for an inode id.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>

namespace minidfs {

// A 64-bit identifier distinguished by its tag. Zero means "none".
template <class Tag>
struct Id64 {
  std::uint64_t value = 0;

  friend auto operator<=>(const Id64&, const Id64&) = default;

  template <class H>
  friend H AbslHashValue(H state, const Id64& id) {
    return H::combine(std::move(state), id.value);
  }
};

template <class Inspector, class Tag>
typename Inspector::result_type inspect(Inspector& f, Id64<Tag>& id) {
  return f(id.value);
}

struct BlockIdTag;
struct InodeIdTag;
using BlockId = Id64<BlockIdTag>;  // Unique for ever within a cluster; handed out from ranges.
using InodeId = Id64<InodeIdTag>;  // Unique for ever within a cluster; the root is 1.

// A random 128-bit identifier: of a cluster, a datanode or a client. All zero means "none".
template <class Tag>
struct Id128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool is_none() const { return high == 0 && low == 0; }
  friend auto operator<=>(const Id128&, const Id128&) = default;

  template <class H>
  friend H AbslHashValue(H state, const Id128& id) {
    return H::combine(std::move(state), id.high, id.low);
  }
};

template <class Inspector, class Tag>
typename Inspector::result_type inspect(Inspector& f, Id128<Tag>& id) {
  return f(id.high, id.low);
}

struct ClusterIdTag;
struct NodeIdTag;
struct ClientIdTag;
using ClusterId = Id128<ClusterIdTag>;  // Chosen when a namenode's directory is formatted.
using NodeId = Id128<NodeIdTag>;        // Chosen when a datanode's directory is formatted.
using ClientId = Id128<ClientIdTag>;    // Chosen by each client process.

// 32 lower-case hexadecimal digits.
template <class Tag>
std::string to_string(const Id128<Tag>& id) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(32, '0');
  for (std::size_t i = 0; i < 16; ++i) {
    text[15 - i] = kDigits[(id.high >> (4 * i)) & 15U];
    text[31 - i] = kDigits[(id.low >> (4 * i)) & 15U];
  }
  return text;
}

template <class Tag>
std::string to_string(const Id64<Tag>& id) {
  return std::to_string(id.value);
}

}  // namespace minidfs

template <class Tag>
struct std::hash<minidfs::Id64<Tag>> {
  std::size_t operator()(const minidfs::Id64<Tag>& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value);
  }
};

template <class Tag>
struct std::hash<minidfs::Id128<Tag>> {
  std::size_t operator()(const minidfs::Id128<Tag>& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.high ^ (id.low * 0x9E3779B97F4A7C15ULL));
  }
};
