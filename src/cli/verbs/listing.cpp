#include "cli/verbs/listing.hpp"

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/units.hpp"

namespace minidfs::cli {
namespace {

constexpr bool is_directory(const metadata::FileStatus& status) {
  return status.kind == metadata::FileKind::kDirectory;
}

std::string octal(std::uint16_t permission) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", permission);
  return text.data();
}

}  // namespace

std::string mode_text(const metadata::FileStatus& status) {
  std::string text = is_directory(status) ? "d" : "-";
  for (int shift = 6; shift >= 0; shift -= 3) {
    const auto bits = static_cast<unsigned>(status.permission) >> shift;
    text += (bits & 4U) != 0 ? 'r' : '-';
    text += (bits & 2U) != 0 ? 'w' : '-';
    text += (bits & 1U) != 0 ? 'x' : '-';
  }
  if ((status.permission & 01000U) != 0) text.back() = text.back() == 'x' ? 't' : 'T';
  return text;
}

std::string time_text(std::int64_t milliseconds) {
  const auto seconds = static_cast<std::time_t>(milliseconds / 1000);
  std::tm fields{};
  std::array<char, 64> text{};
  // Years that a tm cannot hold come only from damaged data.
  if (::gmtime_r(&seconds, &fields) == nullptr) return "?";
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &fields);
  return text.data();
}

std::string long_line(const metadata::FileStatus& status, const std::string& name) {
  const std::string copies = is_directory(status) ? "-" : std::to_string(status.replication);
  std::array<char, 512> columns{};
  std::snprintf(columns.data(), columns.size(), "%s %3s %-8.64s %-8.64s %12llu %s ",
                mode_text(status).c_str(), copies.c_str(), status.owner.c_str(),
                status.group.c_str(), static_cast<unsigned long long>(status.length),
                time_text(status.modified_ms).c_str());
  return columns.data() + name + "\n";
}

std::string stat_text(const metadata::FileStatus& status, const std::string& path) {
  std::string text = "path:         " + path + "\n";
  text += std::string("type:         ") + (is_directory(status) ? "directory" : "file") + "\n";
  if (is_directory(status)) {
    text += "entries:      " + std::to_string(status.children) + "\n";
  } else {
    text +=
        "length:       " + std::to_string(status.length) + " (" + human_size(status.length) + ")\n";
    text += "replication:  " + std::to_string(status.replication) + "\n";
    text += "block size:   " + format_size(status.block_size) + "\n";
    text += "compression:  " + status.compression + "\n";
  }
  text += "permission:   " + octal(status.permission) + " (" + mode_text(status) + ")\n";
  text += "owner:        " + status.owner + "\n";
  text += "group:        " + status.group + "\n";
  text += "modified:     " + time_text(status.modified_ms) + " UTC\n";
  text += "inode:        " + to_string(status.id) + "\n";
  return text;
}

nlohmann::json to_json(const metadata::FileStatus& status, const std::string& path) {
  return {{"path", path},
          {"name", status.name},
          {"type", is_directory(status) ? "directory" : "file"},
          {"inode", status.id.value},
          {"length", status.length},
          {"permission", octal(status.permission)},
          {"owner", status.owner},
          {"group", status.group},
          {"modified_ms", status.modified_ms},
          {"accessed_ms", status.accessed_ms},
          {"block_size", status.block_size},
          {"replication", status.replication},
          {"compression", status.compression},
          {"children", status.children}};
}

nlohmann::json to_json(const metadata::LocatedBlock& block) {
  auto replicas = nlohmann::json::array();
  for (const auto& replica : block.locations) {
    replicas.push_back({{"node", metadata::to_string(replica.data)}, {"rack", replica.rack}});
  }
  return {{"id", block.block.id.value},
          {"generation", block.block.generation},
          {"offset", block.offset},
          {"length", block.block.length},
          {"replicas", std::move(replicas)}};
}

std::string dump_json(const nlohmann::json& value) {
  return value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace minidfs::cli
