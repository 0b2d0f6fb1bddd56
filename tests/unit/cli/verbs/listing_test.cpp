#include "cli/verbs/listing.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/verbs/cluster_text.hpp"

namespace minidfs::cli {
namespace {

metadata::FileStatus file_status() {
  metadata::FileStatus status;
  status.name = "big.iso";
  status.id.value = 17;
  status.length = 1536;
  status.permission = 0644;
  status.owner = "alice";
  status.group = "users";
  status.modified_ms = 1'777'889'472'500;
  status.block_size = 64ULL << 20;
  status.replication = 3;
  status.compression = "none";
  return status;
}

TEST_CASE("the mode is shown as ls shows it") {
  auto status = file_status();
  CHECK(mode_text(status) == "-rw-r--r--");
  status.kind = metadata::FileKind::kDirectory;
  status.permission = 01777;
  CHECK(mode_text(status) == "drwxrwxrwt");
  status.permission = 01770;
  CHECK(mode_text(status) == "drwxrwx--T");
}

TEST_CASE("times are UTC, also before 1970 and beyond all calendars") {
  CHECK(time_text(0) == "1970-01-01 00:00:00");
  CHECK(time_text(1'777'889'472'500) == "2026-05-04 10:11:12");
  CHECK(time_text(-1000) == "1969-12-31 23:59:59");
  CHECK_FALSE(time_text(INT64_MAX).empty());
}

TEST_CASE("a long line has columns and survives long names") {
  auto status = file_status();
  CHECK(long_line(status, "big.iso") ==
        "-rw-r--r--   3 alice    users            1536 2026-05-04 10:11:12 big.iso\n");
  status.owner = std::string(5000, 'o');
  const std::string name(5000, 'n');
  CHECK(long_line(status, name).find(name + "\n") != std::string::npos);
}

TEST_CASE("JSON has every field, and keeps the bytes of what is no UTF-8 beside it") {
  auto status = file_status();
  status.name = "\xff";
  const auto text = dump_json(to_json(status, "/\xff"));
  const auto object = nlohmann::json::parse(text);
  CHECK(object["name"] == "\xEF\xBF\xBD");
  CHECK(object["name_bytes"] == "%FF");
  CHECK(object["inode"] == "17");
  CHECK(object["type"] == "file");
  CHECK(object["length"] == 1536);
  CHECK(object["permission"] == "0644");
  CHECK(object["replication"] == 3);
  CHECK(object["modified_ms"] == 1'777'889'472'500);
}

client::ClusterStatus cluster_status() {
  client::ClusterStatus status;
  status.safe_mode = true;
  status.files = 5;
  status.directories = 2;
  status.blocks = {
      .total = 10, .under_replicated = 1, .missing = 2, .corrupt = 3, .pending_copies = 4};
  client::NodeReport node;
  node.name = "127.0.0.1:9866";
  node.state = "live";
  node.rack = "/r1";
  node.capacity_bytes = 4096;
  node.used_bytes = 1024;
  node.free_bytes = 3072;
  node.blocks = 7;
  status.nodes.push_back(node);
  node.name = "10.0.0.1:9866";
  node.state = "dead";
  node.last_heartbeat_ms = 65'000;
  status.nodes.push_back(node);
  return status;
}

TEST_CASE("the cluster's JSON has the fields that programs rely on") {
  const auto object = nlohmann::json::parse(dump_json(to_json(cluster_status())));
  CHECK(object["safe_mode"] == true);
  CHECK(object["blocks"] == nlohmann::json{{"total", 10},
                                           {"under_replicated", 1},
                                           {"missing", 2},
                                           {"corrupt", 3},
                                           {"pending_copies", 4}});
  const auto& node = object["nodes"][0];
  CHECK(node["name"] == "127.0.0.1:9866");
  CHECK(node["state"] == "live");
  CHECK(node["rack"] == "/r1");
  CHECK(node["capacity"] == 4096);
  CHECK(node["used"] == 1024);
  CHECK(node["blocks"] == 7);
}

TEST_CASE("status tells the versions of datanodes, and in its text those that differ") {
  auto status = cluster_status();
  const auto own = own_versions().newest;
  status.nodes[0].version = own;
  status.nodes[1].version = static_cast<InterfaceVersion>(own + 1);
  CHECK(to_json(status)["nodes"][0]["version"] == own);
  const auto text = status_text(status);
  const auto at = text.find("interface version " + std::to_string(own + 1));
  CHECK(at != std::string::npos);
  CHECK(at > text.find("10.0.0.1:9866"));
  CHECK(text.find("interface version " + std::to_string(own) + "\n") == std::string::npos);
}

TEST_CASE("the cluster's text counts the space of nodes that are not dead") {
  const auto text = status_text(cluster_status());
  CHECK(text.find("safe mode:  on\n") != std::string::npos);
  CHECK(text.find("space:      1.0 KiB used, 3.0 KiB free\n") != std::string::npos);
  CHECK(text.find("datanodes:  2, 1 live\n") != std::string::npos);
  CHECK(text.find("10: 1 under-replicated, 2 missing, 3 corrupt, 4 copies pending") !=
        std::string::npos);
  CHECK(text.find("silent for 1:05\n") != std::string::npos);
}

TEST_CASE("a disk that hangs is named below its node, for people and for programs") {
  auto status = cluster_status();
  status.nodes[0].bad_disks = {{"/srv/d\x1b", "hangs"}};
  const auto text = status_text(printable(status, true));
  CHECK(text.find("    disk /srv/d\\x1b hangs\n") != std::string::npos);
  const auto object = nlohmann::json::parse(dump_json(to_json(status)));
  REQUIRE(object["nodes"][0]["bad_disks"].size() == 1);
  CHECK(object["nodes"][0]["bad_disks"][0]["state"] == "hangs");
  CHECK(object["nodes"][1]["bad_disks"].empty());
}

}  // namespace
}  // namespace minidfs::cli
