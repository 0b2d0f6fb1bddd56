#include "storage/namespace/namespace_listings.hpp"

namespace minidfs::storage {
namespace {

// Lists, maps and strings of a page, roughly.
constexpr std::size_t kPageOverheadBytes = 256;

}  // namespace

const NamespaceListing* ListingCache::find(const Key& key, std::uint64_t changed) {
  const auto known = by_key_.find(key);
  if (known == by_key_.end()) return nullptr;
  const Pages::iterator page = known->second;
  if (page->snapshot < changed) {
    erase(page);
    return nullptr;
  }
  pages_.splice(pages_.begin(), pages_, page);
  return &page->listing;
}

void ListingCache::keep(Key key, NamespaceListing listing, std::uint64_t snapshot) {
  const std::size_t bytes =
      listing.entries->size() + 2 * key.start_after.size() + kPageOverheadBytes;
  if (bytes > limit_bytes_) return;
  if (const auto known = by_key_.find(key); known != by_key_.end()) erase(known->second);
  while (bytes_ + bytes > limit_bytes_) erase(std::prev(pages_.end()));
  pages_.push_front({key, std::move(listing), snapshot, bytes});
  by_key_.emplace(std::move(key), pages_.begin());
  bytes_ += bytes;
}

void ListingCache::erase(Pages::iterator page) {
  bytes_ -= page->bytes;
  by_key_.erase(page->key);
  pages_.erase(page);
}

}  // namespace minidfs::storage
