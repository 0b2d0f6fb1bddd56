#include "http/monitoring/process_metrics.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "http/monitoring/families.hpp"

namespace minidfs::http::monitoring {
namespace {

double seconds_in(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return seconds_in(usage.ru_utime) + seconds_in(usage.ru_stime);
}

// The kernel answers from memory: nothing is waited for.
double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double pages_in_all = 0;
  double pages_resident = 0;
  file >> pages_in_all >> pages_resident;
  return pages_resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

std::vector<prometheus::MetricFamily> process_metrics() {
  return {
      counter_of("process_cpu_seconds_total", "Processor time of this process.", cpu_seconds()),
      gauge_of("process_resident_memory_bytes", "Memory of this process.", resident_bytes()),
  };
}

}  // namespace minidfs::http::monitoring
