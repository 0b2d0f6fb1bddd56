#include "cluster/besieged_cluster.hpp"

#include <catch2/catch.hpp>

#include "transfer/wire.hpp"

namespace minidfs::test {
namespace {

constexpr std::uint64_t kGrowthMax = 64 << 20;
const std::string kOldFile = "/old";

}  // namespace

BesiegedCluster::BesiegedCluster()
    : cluster_({.datanodes = 1, .environment = without_quarantine()}),
      content_(random_bytes(300'000, 1)) {
  write(kOldFile);
  check_good_clients();
  namenode_memory_.emplace(cluster_.namenode().pid());
  datanode_memory_.emplace(cluster_.datanode(0).pid());
}

std::uint16_t BesiegedCluster::namenode_port() const {
  const auto address = cluster_.namenode_address();
  return static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1)));
}

std::string data_greeting_of(const TestCluster& cluster_of, std::size_t datanode) {
  const std::string version = read_file(cluster_of.datanode_directory(datanode) + "/VERSION");
  const auto at = version.find("cluster=");
  REQUIRE(at != std::string::npos);
  const ClusterId cluster{std::stoull(version.substr(at + 8, 16), nullptr, 16),
                          std::stoull(version.substr(at + 24, 16), nullptr, 16)};
  std::string out;
  transfer::append_frame(out, transfer::FrameType::kHello, transfer::Hello{.cluster = cluster});
  return out;
}

void BesiegedCluster::check_good_clients() {
  read(kOldFile);
  const auto path = "/new" + std::to_string(++puts_);
  write(path);
  read(path);
  REQUIRE(cluster_.namenode().running());
  REQUIRE(cluster_.datanode(0).running());
}

void BesiegedCluster::check_memory() {
  CHECK(namenode_memory_->growth_bytes() < kGrowthMax);
  CHECK(datanode_memory_->growth_bytes() < kGrowthMax);
}

void BesiegedCluster::write(const std::string& path) {
  const auto put = cluster_.minidfs({"put", "--replication", "1", "-", path}, content_);
  INFO(put.err << cluster_.namenode().log() << cluster_.datanode(0).log());
  CHECK(put.exit_code == 0);
}

void BesiegedCluster::read(const std::string& path) {
  const auto cat = cluster_.minidfs({"cat", path});
  INFO(cat.err << cluster_.namenode().log() << cluster_.datanode(0).log());
  REQUIRE(cat.exit_code == 0);
  CHECK(cat.out == content_);
}

}  // namespace minidfs::test
