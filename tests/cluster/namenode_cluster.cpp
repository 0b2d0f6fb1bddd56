#include "cluster/namenode_cluster.hpp"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace minidfs::test {
namespace {

constexpr std::chrono::seconds kPatience{60};

}  // namespace

NamenodeCluster::NamenodeCluster(std::size_t namenodes, std::size_t datanodes,
                                 std::vector<std::string> environment, std::string binary)
    : environment_(std::move(environment)),
      binary_(std::move(binary)),
      namenodes_(namenodes),
      namenode_ports_(namenodes, 0),
      datanodes_(datanodes),
      datanode_ports_(datanodes, 0) {
  char path[] = "/tmp/minidfs-namenodes-XXXXXX";
  REQUIRE(::mkdtemp(path) != nullptr);
  directory_ = path;
  for (std::size_t i = 0; i < namenodes; ++i) start_namenode(i, i > 0);
  if (namenodes > 0) REQUIRE(wait_for_voters(namenodes));
  for (std::size_t i = 0; i < datanodes; ++i) start_datanode(i);
}

NamenodeCluster::~NamenodeCluster() {
  datanodes_.clear();
  namenodes_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string NamenodeCluster::start_role(std::unique_ptr<Process>& process,
                                        std::vector<std::string> arguments,
                                        const std::string& name) {
  arguments.insert(arguments.begin(), binary_);
  const std::string log = directory_ + "/" + name + ".log";
  std::filesystem::remove(log);
  process = std::make_unique<Process>(std::move(arguments), log, environment_);
  const std::string line = process->wait_for_line("listening on ");
  INFO(process->log());
  REQUIRE_FALSE(line.empty());
  return line;
}

void NamenodeCluster::start_namenode(std::size_t i, bool join) {
  std::vector<std::string> arguments{"--role=namenode",
                                     "--port=" + std::to_string(namenode_ports_[i]),
                                     "--data-dir=" + namenode_directory(i)};
  if (join) arguments.push_back("--join=" + addresses());
  namenode_ports_[i] =
      port_in(start_role(namenodes_[i], arguments, "namenode" + std::to_string(i)));
}

void NamenodeCluster::start_datanode(std::size_t i) {
  const auto name = "datanode" + std::to_string(i);
  datanode_ports_[i] =
      port_in(start_role(datanodes_[i],
                         {"--role=datanode", "--port=" + std::to_string(datanode_ports_[i]),
                          "--namenode=" + addresses(), "--data-dir=" + directory_ + "/" + name},
                         name));
}

std::unique_ptr<Process> NamenodeCluster::start_stranger(const std::string& name,
                                                         std::vector<std::string> arguments) const {
  std::vector<std::string> command{binary_, "--role=namenode", "--port=0",
                                   "--data-dir=" + directory_ + "/" + name};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return std::make_unique<Process>(std::move(command), directory_ + "/" + name + ".log",
                                   environment_);
}

std::string NamenodeCluster::namenode_directory(std::size_t i) const {
  return directory_ + "/namenode" + std::to_string(i);
}

std::string NamenodeCluster::address(std::size_t i) const {
  return "127.0.0.1:" + std::to_string(namenode_ports_[i]);
}

std::string NamenodeCluster::addresses() const {
  std::string text;
  for (std::size_t i = 0; i < namenodes_.size(); ++i) {
    if (namenode_ports_[i] != 0) text += (text.empty() ? "" : ",") + address(i);
  }
  return text;
}

Finished NamenodeCluster::minidfs(const std::vector<std::string>& arguments,
                                  const std::string& input) const {
  std::vector<std::string> command{binary_};
  command.insert(command.end(), arguments.begin(), arguments.end());
  auto environment = environment_;
  environment.push_back("MINIDFS_NAMENODE=" + addresses());
  return run(command, environment, input);
}

nlohmann::json NamenodeCluster::quorum() const {
  const auto finished = minidfs({"quorum", "--json"});
  if (finished.exit_code != 0) return nullptr;
  return nlohmann::json::parse(finished.out);
}

bool NamenodeCluster::wait_for(const std::function<bool(const nlohmann::json&)>& holds) const {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  nlohmann::json found;
  while (std::chrono::steady_clock::now() < until) {
    found = quorum();
    if (!found.is_null() && holds(found)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  UNSCOPED_INFO(found.dump(1));
  UNSCOPED_INFO(logs());
  return false;
}

bool NamenodeCluster::wait_for_voters(std::size_t count) const {
  return wait_for([count](const nlohmann::json& quorum) {
    const auto& members = quorum.at("members");
    return members.size() == count &&
           std::all_of(members.begin(), members.end(), [](const auto& each) {
             return each.at("role") == "voter" && each.at("address") != "" &&
                    (each.at("state") == "leader" || each.at("state") == "follower");
           });
  });
}

std::size_t NamenodeCluster::leader() const {
  std::string address;
  REQUIRE(wait_for([&](const nlohmann::json& quorum) {
    for (const auto& each : quorum.at("members")) {
      if (each.at("id") == quorum.at("leader")) address = each.at("address");
    }
    return !address.empty();
  }));
  for (std::size_t i = 0; i < namenodes_.size(); ++i) {
    if (this->address(i) == address) return i;
  }
  FAIL("nobody is at " << address);
  return 0;
}

std::string NamenodeCluster::id_of(std::size_t i) const {
  std::string id;
  REQUIRE(wait_for([&](const nlohmann::json& quorum) {
    for (const auto& each : quorum.at("members")) {
      if (each.at("address") == address(i)) id = each.at("id");
    }
    return !id.empty();
  }));
  return id;
}

std::string NamenodeCluster::logs() const {
  std::string text;
  for (const auto& each : namenodes_) {
    if (each) text += "--- namenode:\n" + each->log();
  }
  for (const auto& each : datanodes_) {
    if (each) text += "--- datanode:\n" + each->log();
  }
  return text;
}

}  // namespace minidfs::test
