#include "http/webhdfs/json.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/uri.hpp"

namespace minidfs::http::webhdfs {
namespace {

std::string octal(std::uint16_t mode) {
  std::array<char, 8> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), mode, 8).ptr;
  return {text.data(), end};
}

Json node_of(const metadata::ReplicaLocation& location) {
  const auto& [host, port] = location.data;
  const auto name = metadata::to_string(location.data);
  return {{"ipAddr", host},
          {"hostName", host},
          {"name", name},
          {"xferPort", port},
          {"infoPort", 0},
          {"infoSecurePort", 0},
          {"ipcPort", 0},
          {"storageID", to_string(location.node)},
          {"networkLocation", location.rack},
          {"adminState", "NORMAL"},
          {"capacity", 0},
          {"dfsUsed", 0},
          {"remaining", 0},
          {"blockPoolUsed", 0},
          {"cacheCapacity", 0},
          {"cacheUsed", 0},
          {"lastUpdate", 0},
          {"lastUpdateMonotonic", 0},
          {"xceiverCount", 0}};
}

Json located_block(const metadata::LocatedBlock& located) {
  Json locations = Json::array();
  Json types = Json::array();
  for (const auto& location : located.locations) {
    locations.push_back(node_of(location));
    types.push_back("DISK");
  }
  return {{"block",
           {{"blockPoolId", "minidfs"},
            {"blockId", located.block.id.value},
            {"numBytes", located.block.length},
            {"generationStamp", located.block.generation}}},
          {"blockToken", {{"urlString", "AAAAAA"}}},
          {"isCorrupt", false},
          {"startOffset", located.offset},
          {"storageTypes", std::move(types)},
          {"locations", std::move(locations)},
          {"cachedLocations", Json::array()}};
}

}  // namespace

std::string to_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Response json_response(const Json& json) {
  return text_response(200, "application/json", to_text(json));
}

Response empty_response() { return text_response(200, "application/octet-stream", {}); }

Json file_status(const metadata::FileStatus& status, const std::string& suffix) {
  const bool directory = status.kind == metadata::FileKind::kDirectory;
  return {{"accessTime", status.accessed_ms},
          {"blockSize", status.block_size},
          {"childrenNum", status.children},
          {"fileId", status.id.value},
          {"group", status.group},
          {"length", status.length},
          {"modificationTime", status.modified_ms},
          {"owner", status.owner},
          {"pathSuffix", suffix},
          {"permission", octal(status.permission)},
          {"replication", status.replication},
          {"storagePolicy", 0},
          {"type", directory ? "DIRECTORY" : "FILE"}};
}

Json block_locations(const std::vector<metadata::LocatedBlock>& blocks) {
  Json list = Json::array();
  for (const auto& located : blocks) {
    Json hosts = Json::array();
    Json names = Json::array();
    Json types = Json::array();
    Json topology = Json::array();
    for (const auto& location : located.locations) {
      const auto name = metadata::to_string(location.data);
      hosts.push_back(location.data.host);
      names.push_back(name);
      types.push_back("DISK");
      topology.push_back(location.rack + '/' + name);
    }
    list.push_back({{"offset", located.offset},
                    {"length", located.block.length},
                    {"corrupt", false},
                    {"hosts", std::move(hosts)},
                    {"names", std::move(names)},
                    {"cachedHosts", Json::array()},
                    {"storageTypes", std::move(types)},
                    {"topologyPaths", std::move(topology)}});
  }
  return {{"BlockLocations", {{"BlockLocation", std::move(list)}}}};
}

Json located_blocks(const metadata::FileStatus& status, bool whole,
                    const std::vector<metadata::LocatedBlock>& blocks) {
  Json list = Json::array();
  for (const auto& located : blocks) list.push_back(located_block(located));
  Json last = nullptr;
  if (whole && !blocks.empty()) last = located_block(blocks.back());
  return {{"LocatedBlocks",
           {{"fileLength", status.length},
            {"isUnderConstruction", false},
            {"isLastBlockComplete", true},
            {"lastLocatedBlock", std::move(last)},
            {"locatedBlocks", std::move(list)}}}};
}

}  // namespace minidfs::http::webhdfs
