// The changes by which entries get another path; see changes.hpp.
#pragma once

#include <cstdint>
#include <string>

#include "metadata/request_id.hpp"

namespace minidfs::metadata {

// mv with HDFS's rules: into `target` when that is a directory, else `target` must not exist and
// its parent must.
struct Rename {
  RequestId request;
  std::int64_t time_ms = 0;
  std::string source;
  std::string target;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Rename& x) {
  return f(x.request, x.time_ms, x.source, x.target);
}

// As HDFS's rename with options, and POSIX's: `target` is the new path itself, whatever is there.
// What is there stays unless `overwrite` is set, and then disappears in the same moment: a file for
// a file, a directory without entries for a directory. Refused with kIsADirectory when one is a
// directory and the other is none. Of version 2.
struct RenameExactly {
  RequestId request;
  std::int64_t time_ms = 0;
  std::string source;
  std::string target;
  bool overwrite = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RenameExactly& x) {
  return f(x.request, x.time_ms, x.source, x.target, x.overwrite);
}

}  // namespace minidfs::metadata
