#include "http/rest/rest_call.hpp"

#include "metadata/path.hpp"

namespace minidfs::http::rest {

Result<std::string> canonical_path(std::string_view path) {
  MDFS_TRY(const auto components, metadata::split_path(path));
  std::string canonical;
  for (const auto component : components) {
    canonical += '/';
    canonical += component;
  }
  return canonical.empty() ? "/" : canonical;
}

Result<bool> flag(const Query& query, std::string_view name) {
  const auto value = query.find(name);
  if (!value || *value == "false") return false;
  if (value->empty() || *value == "true") return true;
  return Error{Errc::kInvalidArgument,
               std::string(name) + "=" + *value + ": is neither true nor false"};
}

}  // namespace minidfs::http::rest
