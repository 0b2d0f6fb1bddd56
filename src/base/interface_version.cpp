#include "base/interface_version.hpp"

#include <algorithm>

namespace minidfs {
namespace {

// Raised by a build that adds anything. Tests build the next ones from the same source.
#ifdef MINIDFS_INTERFACE_VERSION
constexpr InterfaceVersion kNewest = MINIDFS_INTERFACE_VERSION;
#else
constexpr InterfaceVersion kNewest = 2;
#endif

}  // namespace

InterfaceVersions own_versions() { return {kNewest, std::max<InterfaceVersion>(kNewest - 1, 1)}; }

Result<InterfaceVersion> common_version(InterfaceVersions listening, InterfaceVersions connecting) {
  const auto version = std::min(listening.newest, connecting.newest);
  if (version > 0 && version >= std::max(listening.oldest, connecting.oldest)) return version;
  return Error{Errc::kUnsupported,
               "no version of the interface in common: the listening side "
               "speaks " +
                   to_string(listening) + ", the connecting side " + to_string(connecting)};
}

std::string to_string(InterfaceVersions versions) {
  if (versions.newest == 0) return "a version of before there were numbers";
  if (versions.newest <= versions.oldest) return "version " + std::to_string(versions.newest);
  return "versions " + std::to_string(versions.oldest) + " to " + std::to_string(versions.newest);
}

}  // namespace minidfs
