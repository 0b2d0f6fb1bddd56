#include "actors/leadership.hpp"

#include "base/logging.hpp"
#include "base/random_id.hpp"

namespace minidfs::actors {

metadata::ClusterClock start_cluster_clock(storage::NamespaceReader& reader,
                                           metadata::TimePoint now) {
  const auto cluster_ms = reader.cluster_ms();
  if (cluster_ms.ok()) return {*cluster_ms, now};
  log_error("namenode", "cannot read the cluster time: {}", cluster_ms.error().message);
  return {0, now};
}

metadata::BlockMark random_mark() {
  for (;;) {
    const auto mark = static_cast<metadata::BlockMark>(random_128().low);
    if (mark != 0) return mark;
  }
}

}  // namespace minidfs::actors
