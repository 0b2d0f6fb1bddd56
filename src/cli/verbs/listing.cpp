#include "cli/verbs/listing.hpp"

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/printable.hpp"
#include "base/units.hpp"
#include "cli/command/io.hpp"

namespace minidfs::cli {
namespace {

constexpr bool is_directory(const metadata::FileStatus& status) {
  return status.kind == metadata::FileKind::kDirectory;
}

bool stands_for_itself(unsigned char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z') ||
         std::string_view("-._~/").find(static_cast<char>(byte)) != std::string_view::npos;
}

std::string percent_escaped(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (stands_for_itself(byte)) {
      text += c;
    } else {
      text += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return text;
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

metadata::FileStatus printable(metadata::FileStatus status, bool is_terminal) {
  for (auto* text : {&status.name, &status.owner, &status.group, &status.compression}) {
    *text = printable(*text, is_terminal);
  }
  return status;
}

void put_bytes(nlohmann::json& object, const std::string& key, std::string_view bytes) {
  object[key] = bytes;
  if (!is_utf8(bytes)) object[key + "_bytes"] = percent_escaped(bytes);
}

nlohmann::json to_json(const metadata::FileStatus& status, const std::string& path) {
  nlohmann::json object{{"type", is_directory(status) ? "directory" : "file"},
                        {"inode", to_string(status.id)},
                        {"length", status.length},
                        {"permission", octal(status.permission)},
                        {"modified_ms", status.modified_ms},
                        {"accessed_ms", status.accessed_ms},
                        {"block_size", status.block_size},
                        {"replication", status.replication},
                        {"compression", status.compression},
                        {"children", status.children}};
  put_bytes(object, "path", path);
  put_bytes(object, "name", status.name);
  put_bytes(object, "owner", status.owner);
  put_bytes(object, "group", status.group);
  return object;
}

nlohmann::json to_json(const metadata::LocatedBlock& block) {
  auto replicas = nlohmann::json::array();
  for (const auto& replica : block.locations) {
    nlohmann::json entry;
    put_bytes(entry, "node", metadata::to_string(replica.data));
    put_bytes(entry, "rack", replica.rack);
    replicas.push_back(std::move(entry));
  }
  return {{"id", to_string(block.block.id)},
          {"generation", block.block.generation},
          {"offset", block.offset},
          {"length", block.block.length},
          {"replicas", std::move(replicas)}};
}

std::string dump_json(const nlohmann::json& value) {
  const auto text = value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  // JSON escapes the control codes below 0x20 only. The others stand in strings, nowhere else.
  std::string safe;
  safe.reserve(text.size() + 1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool has_next = i + 1 < text.size();
    const unsigned next = has_next ? static_cast<unsigned char>(text[i + 1]) : 0U;
    if (byte == 0x7F) {
      safe += "\\u007f";
    } else if (byte == 0xC2 && next < 0xA0) {
      static constexpr char kDigits[] = "0123456789abcdef";
      safe += {'\\', 'u', '0', '0', kDigits[next >> 4U], kDigits[next & 15U]};
      ++i;
    } else {
      safe += text[i];
    }
  }
  return safe + "\n";
}

}  // namespace minidfs::cli
