#include "storage/blocks/write_costs.hpp"

#include <algorithm>

namespace minidfs::storage {

void WriteCosts::note(WriteWay way, std::uint64_t bytes, std::chrono::nanoseconds cpu) {
  if (bytes == 0) return;
  auto& cost = of(way);
  const double noted = static_cast<double>(cpu.count()) / static_cast<double>(bytes);
  const double weight =
      cost.known ? std::min(1.0, static_cast<double>(bytes) / static_cast<double>(kMemoryBytes))
                 : 1;
  cost.ns_per_byte += weight * (noted - cost.ns_per_byte);
  cost.known = true;
}

WriteWay WriteCosts::choose(Readers readers) {
  const bool here = readers == Readers::kHere;
  const auto way = cheaper(here);
  if (++chosen_ % kTryEvery != 0) return way;
  return way == WriteWay::kCached && !here ? WriteWay::kDirect : WriteWay::kCached;
}

// What is not known yet is tried.
WriteWay WriteCosts::cheaper(bool readers_here) {
  const auto& cached = of(WriteWay::kCached);
  const auto& direct = of(WriteWay::kDirect);
  if (!cached.known) return WriteWay::kCached;
  if (!direct.known) return readers_here ? WriteWay::kCached : WriteWay::kDirect;
  const double dear = readers_here ? kDearWithReaders : kDear;
  return cached.ns_per_byte > dear * direct.ns_per_byte ? WriteWay::kDirect : WriteWay::kCached;
}

}  // namespace minidfs::storage
