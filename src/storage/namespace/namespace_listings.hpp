// A bounded cache of encoded directory pages, least recently used first out. Used by one reader.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.hpp"
#include "storage/namespace/namespace_reader.hpp"

namespace minidfs::storage {

class ListingCache {
 public:
  explicit ListingCache(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  struct Key {
    InodeId directory;
    std::uint32_t limit = 0;
    std::string start_after;

    friend bool operator==(const Key&, const Key&) = default;
    template <class H>
    friend H AbslHashValue(H state, const Key& key) {
      return H::combine(std::move(state), key.directory, key.limit, key.start_after);
    }
  };

  // The page, when it was read from a snapshot that contains all commits up to `changed`, the last
  // that changed its directory; else nullptr, and a page that is too old is dropped. The pointer
  // holds until the next call.
  const NamespaceListing* find(const Key& key, std::uint64_t changed);
  // Keeps a page read from a snapshot that surely contains all commits up to `snapshot`.
  void keep(Key key, NamespaceListing listing, std::uint64_t snapshot);

  std::size_t bytes() const { return bytes_; }

 private:
  struct Page {
    Key key;
    NamespaceListing listing;
    std::uint64_t snapshot = 0;
    std::size_t bytes = 0;
  };
  using Pages = std::list<Page>;

  void erase(Pages::iterator page);

  std::size_t limit_bytes_;
  std::size_t bytes_ = 0;
  Pages pages_;  // Most recently used first.
  absl::flat_hash_map<Key, Pages::iterator> by_key_;
};

}  // namespace minidfs::storage
