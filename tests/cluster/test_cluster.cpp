#include "cluster/test_cluster.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <thread>

namespace minidfs::test {
namespace {

const std::string kBinary = MINIDFS_BINARY;

}  // namespace

TestCluster::TestCluster(ClusterOptions options) : options_(std::move(options)) {
  char path[] = "/tmp/minidfs-cluster-XXXXXX";
  REQUIRE(::mkdtemp(path) != nullptr);
  directory_ = path;
  for (const auto& [name, size_bytes] : options_.small_disks) {
    disks_[name] = std::make_unique<SmallDisk>(directory_ + "/" + name, size_bytes);
  }
  datanodes_.resize(options_.datanodes);
  datanode_ports_.resize(options_.datanodes, 0);
  start_all();
}

TestCluster::~TestCluster() {
  datanodes_.clear();
  namenode_.reset();
  disks_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string TestCluster::start_role(std::unique_ptr<Process>& process,
                                    std::vector<std::string> arguments, const std::string& name) {
  const std::string log = directory_ + "/" + name + ".log";
  std::filesystem::remove(log);
  arguments.insert(arguments.begin(), kBinary);
  arguments.insert(arguments.begin(), options_.wrapper.begin(), options_.wrapper.end());
  process = std::make_unique<Process>(std::move(arguments), log, options_.environment);
  const std::string line = process->wait_for_line("listening on ");
  INFO(process->log());
  REQUIRE_FALSE(line.empty());
  return line;
}

void TestCluster::start_namenode() {
  const auto line = start_role(namenode_,
                               {"--role=namenode", "--port=" + std::to_string(namenode_port_),
                                "--data-dir=" + directory_ + "/namenode"},
                               "namenode");
  namenode_port_ = port_in(line);
}

void TestCluster::start_datanode(std::size_t i) {
  const auto line =
      start_role(datanodes_[i],
                 {"--role=datanode", "--port=" + std::to_string(datanode_ports_[i]),
                  "--namenode=" + namenode_address(), "--data-dir=" + data_directories(i)},
                 "datanode" + std::to_string(i));
  datanode_ports_[i] = port_in(line);
}

void TestCluster::kill_namenode() { namenode_->kill_and_wait(); }

void TestCluster::kill_datanode(std::size_t i) { datanodes_[i]->kill_and_wait(); }

void TestCluster::kill_all() {
  // All get the signal before any is reaped.
  namenode_->signal(SIGKILL);
  for (auto& datanode : datanodes_) datanode->signal(SIGKILL);
  namenode_->kill_and_wait();
  for (auto& datanode : datanodes_) datanode->kill_and_wait();
}

void TestCluster::start_all() {
  start_namenode();
  for (std::size_t i = 0; i < datanodes_.size(); ++i) start_datanode(i);
  REQUIRE(wait_for_live(datanodes_.size()));
}

bool TestCluster::wait_for_live(std::size_t count) const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  Finished status;
  while (std::chrono::steady_clock::now() < deadline) {
    status = minidfs({"status", "--json"});
    if (status.exit_code == 0) {
      const auto json = nlohmann::json::parse(status.out);
      std::size_t live = 0;
      for (const auto& node : json.at("nodes")) live += node.at("state") == "live" ? 1 : 0;
      if (live == count && !json.at("safe_mode").get<bool>()) return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  UNSCOPED_INFO("status: " << status.out << status.err);
  UNSCOPED_INFO("namenode: " << namenode_->log());
  for (const auto& datanode : datanodes_) {
    if (datanode != nullptr) UNSCOPED_INFO("datanode: " << datanode->log());
  }
  return false;
}

Finished TestCluster::minidfs(const std::vector<std::string>& arguments,
                              const std::string& input) const {
  std::vector<std::string> command{kBinary};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command, verb_environment(), input);
}

std::unique_ptr<Process> TestCluster::start_minidfs(const std::vector<std::string>& arguments,
                                                    const std::string& log_name) const {
  std::vector<std::string> command{kBinary};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return std::make_unique<Process>(std::move(command), directory_ + "/" + log_name,
                                   verb_environment());
}

std::vector<std::string> TestCluster::verb_environment() const {
  auto environment = options_.verb_environment;
  environment.push_back("MINIDFS_NAMENODE=" + namenode_address());
  return environment;
}

std::string TestCluster::datanode_directory(std::size_t i) const {
  return directory_ + "/datanode" + std::to_string(i);
}

std::string TestCluster::data_directories(std::size_t i) const {
  if (options_.disks == 1) return datanode_directory(i);
  std::string list;
  for (std::size_t disk = 0; disk < options_.disks; ++disk) {
    if (disk > 0) list += ",";
    list += datanode_directory(i) + "/disk" + std::to_string(disk);
  }
  return list;
}

std::string TestCluster::namenode_address() const {
  return "127.0.0.1:" + std::to_string(namenode_port_);
}

std::string TestCluster::make_file(const std::string& name, std::size_t size, unsigned seed) const {
  const std::string path = directory_ + "/" + name;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream out(path, std::ios::binary);
  const auto bytes = random_bytes(size, seed);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  REQUIRE(out.good());
  return path;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string random_bytes(std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string bytes((size + 7) / 8 * 8, '\0');
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    const std::uint64_t value = random();
    bytes.replace(i, 8, reinterpret_cast<const char*>(&value), 8);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace minidfs::test
