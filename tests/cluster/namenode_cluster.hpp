// A cluster of several namenodes, as processes on free ports of 127.0.0.1.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cluster/process.hpp"

namespace minidfs::test {

class NamenodeCluster {
 public:
  // The first makes the cluster, the others join it, one after another; then datanodes.
  explicit NamenodeCluster(std::size_t namenodes = 3, std::size_t datanodes = 1,
                           std::vector<std::string> environment = {},
                           std::string binary = MINIDFS_BINARY);
  ~NamenodeCluster();

  // What namenodes, datanodes and verbs are started of from now on.
  void set_binary(std::string binary) { binary_ = std::move(binary); }

  // Runs `minidfs VERB …` with the addresses of all namenodes.
  Finished minidfs(const std::vector<std::string>& arguments, const std::string& input = {}) const;

  // `join`: with the addresses of the others, as one service file for all has it.
  void start_namenode(std::size_t i, bool join = true);
  void start_datanode(std::size_t i);
  // A namenode that is not one of those, on a free port, which must not come to listen.
  std::unique_ptr<Process> start_stranger(const std::string& name,
                                          std::vector<std::string> arguments) const;

  std::size_t namenodes() const { return namenodes_.size(); }
  Process& namenode(std::size_t i) { return *namenodes_[i]; }
  Process& datanode(std::size_t i) { return *datanodes_[i]; }
  const std::string& directory() const { return directory_; }
  std::string namenode_directory(std::size_t i) const;
  std::string address(std::size_t i) const;
  std::string addresses() const;
  std::uint16_t datanode_port(std::size_t i) const { return datanode_ports_[i]; }

  // What `minidfs quorum --json` prints; null when it fails.
  nlohmann::json quorum() const;
  // Waits until `holds` of that.
  bool wait_for(const std::function<bool(const nlohmann::json&)>& holds) const;
  // All are voters, in reach and known by their addresses.
  bool wait_for_voters(std::size_t count) const;
  // The number of the one that leads.
  std::size_t leader() const;
  std::string id_of(std::size_t i) const;
  // Everything that the roles have logged, for the output of a test that fails.
  std::string logs() const;

 private:
  std::string start_role(std::unique_ptr<Process>& process, std::vector<std::string> arguments,
                         const std::string& name);

  const std::vector<std::string> environment_;
  std::string binary_;
  std::string directory_;
  std::vector<std::unique_ptr<Process>> namenodes_;
  std::vector<std::uint16_t> namenode_ports_;
  std::vector<std::unique_ptr<Process>> datanodes_;
  std::vector<std::uint16_t> datanode_ports_;
};

}  // namespace minidfs::test
