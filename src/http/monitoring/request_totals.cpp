#include "http/monitoring/request_totals.hpp"

#include <cstdlib>
#include <string>

namespace minidfs::http::monitoring {
namespace {

// A line of the text format: NAME{LABEL="VALUE",...} NUMBER.
struct Sample {
  std::string_view name;
  std::string_view labels;
  double value = 0;
};

// Takes the first line off the front.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return line;
}

// A label's value may hold any byte, so the number is what stands behind the last space. A line
// that is none gives a sample without a name.
Sample sample_of(std::string_view line) {
  if (line.empty() || line.front() == '#') return {};
  const auto space = line.rfind(' ');
  if (space == line.npos) return {};
  const std::string number(line.substr(space + 1));
  const auto series = line.substr(0, space);
  const auto brace = series.find('{');
  const auto labels = brace == series.npos ? std::string_view() : series.substr(brace);
  return {series.substr(0, brace), labels, std::strtod(number.c_str(), nullptr)};
}

}  // namespace

Result<RequestTotals> request_totals(std::string_view metrics) {
  RequestTotals totals;
  bool known = false;
  while (!metrics.empty()) {
    const auto sample = sample_of(take_line(metrics));
    if (sample.name == "minidfs_http_requests_total") {
      totals.requests += sample.value;
      if (sample.labels.find("status=\"5") != std::string_view::npos) totals.failed += sample.value;
    } else if (sample.name == "minidfs_http_received_bytes_total") {
      known = true;
      totals.received_bytes += sample.value;
    } else if (sample.name == "minidfs_http_sent_bytes_total") {
      totals.sent_bytes += sample.value;
    } else if (sample.name == "minidfs_http_requests_in_progress") {
      totals.in_progress += sample.value;
    }
  }
  if (!known) return Error{Errc::kProtocol, "these are not the metrics of a minidfs"};
  return totals;
}

}  // namespace minidfs::http::monitoring
