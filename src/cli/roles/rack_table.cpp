#include "cli/roles/rack_table.hpp"

#include <sstream>

#include "base/file.hpp"
#include "base/logging.hpp"

namespace minidfs::cli {
namespace {

constexpr std::size_t kFileBytesMax = 4U << 20;

}  // namespace

Result<RackTable> parse_rack_table(std::string_view text) {
  RackTable table;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string host;
    std::string rack;
    std::string more;
    if (!(words >> host)) continue;
    const bool well_formed = static_cast<bool>(words >> rack) && !(words >> more) &&
                             rack.size() > 1 && rack.front() == '/';
    if (!well_formed) {
      return Error{Errc::kInvalidArgument,
                   "line " + std::to_string(number) + ": '" + line + "' is not HOST /RACK"};
    }
    if (!table.emplace(host, rack).second) {
      return Error{Errc::kInvalidArgument,
                   "line " + std::to_string(number) + ": " + host + " stands there twice"};
    }
  }
  return table;
}

std::string rack_in_file(const std::string& path, std::span<const std::string> names) {
  const auto text = read_file(path, kFileBytesMax);
  if (!text.ok()) {
    log_error("namenode", "cannot read the table of racks: {}", text.error().message);
    return {};
  }
  const auto table = parse_rack_table(*text);
  if (!table.ok()) {
    log_error("namenode", "table of racks {}: {}", path, table.error().message);
    return {};
  }
  for (const auto& name : names) {
    if (const auto found = table->find(name); found != table->end()) return found->second;
  }
  return {};
}

}  // namespace minidfs::cli
