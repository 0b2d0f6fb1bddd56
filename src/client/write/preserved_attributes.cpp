#include "client/write/preserved_attributes.hpp"

#include <sys/stat.h>

#include <cerrno>

#include "client/changed_entries.hpp"
#include "client/local_attributes.hpp"

namespace minidfs::client {
Status preserve_attributes(ClientContext& context, const std::vector<LocalFile>& files,
                           Failures& failures) {
  std::vector<metadata::EntryAttributes> entries;
  for (const auto& file : files) {
    struct stat status {};
    if (::stat(file.local_path.c_str(), &status) != 0) {
      failures.note(errno_error(errno, file.local_path));
      continue;
    }
    const auto local = attributes_of(status);
    entries.push_back({file.path, local.permission, local.modified_ms, local.accessed_ms});
  }
  return set_attributes(context, entries, failures);
}

}  // namespace minidfs::client
