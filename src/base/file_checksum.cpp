#include "base/file_checksum.hpp"

#include "base/result.hpp"

// The dispatching header picks the widest vector unit of the machine at run time.
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

namespace minidfs {

struct FileChecksum::State {
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> hash{XXH3_createState()};
};

FileChecksum::FileChecksum() : state_(std::make_unique<State>()) {
  MDFS_ASSERT(state_->hash != nullptr);
  XXH3_128bits_reset(state_->hash.get());
}

FileChecksum::~FileChecksum() = default;
FileChecksum::FileChecksum(FileChecksum&&) noexcept = default;
FileChecksum& FileChecksum::operator=(FileChecksum&&) noexcept = default;

void FileChecksum::update(std::span<const std::byte> bytes) {
  XXH3_128bits_update(state_->hash.get(), bytes.data(), bytes.size());
}

std::string FileChecksum::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->hash.get()));
  std::string text;
  for (const unsigned char byte : canonical.digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace minidfs
