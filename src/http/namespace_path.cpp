#include "http/namespace_path.hpp"

#include "metadata/path.hpp"

namespace minidfs::http {

Result<std::string> canonical_path(std::string_view path) {
  MDFS_TRY(const auto components, metadata::split_path(path));
  std::string canonical;
  for (const auto component : components) {
    canonical += '/';
    canonical += component;
  }
  return canonical.empty() ? "/" : canonical;
}

}  // namespace minidfs::http
