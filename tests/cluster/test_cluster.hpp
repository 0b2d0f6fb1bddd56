// A real cluster for a test: a namenode and datanodes as processes on free ports of 127.0.0.1, with
// their directories below one temporary directory that is removed at the end.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/process.hpp"
#include "cluster/small_disk.hpp"

namespace minidfs::test {

struct ClusterOptions {
  std::size_t datanodes = 3;
  std::size_t disks = 1;  // Of each datanode; several are disk0, disk1, … below it.
  std::vector<std::string> environment;         // "MINIDFS_SECTION_KEY=value" for every role.
  std::vector<std::string> verb_environment{};  // What verbs get besides.
  // Words before those of each role's command, which must execute it in place: limits, for example.
  std::vector<std::string> wrapper{};
  // Directories below directory() that are file systems of their own, with their sizes in bytes:
  // "namenode", "datanode0", … REQUIRES, unless empty: SmallDisk::available().
  std::map<std::string, std::uint64_t> small_disks{};
};

class TestCluster {
 public:
  explicit TestCluster(ClusterOptions options = {});
  ~TestCluster();

  // Runs `minidfs VERB …` against this cluster.
  Finished minidfs(const std::vector<std::string>& arguments, const std::string& input = {}) const;
  // As a process in the background; its output goes to the log.
  std::unique_ptr<Process> start_minidfs(const std::vector<std::string>& arguments,
                                         const std::string& log_name) const;

  Process& namenode() { return *namenode_; }
  Process& datanode(std::size_t i) { return *datanodes_[i]; }
  std::size_t datanodes() const { return datanodes_.size(); }
  void kill_namenode();   // SIGKILL, reaped.
  void start_namenode();  // On its old port, with its old directory.
  void kill_datanode(std::size_t i);
  void start_datanode(std::size_t i);
  void kill_all();
  void start_all();

  // Waits until `minidfs status --json` says that so many datanodes are live and have reported.
  bool wait_for_live(std::size_t count) const;

  const std::string& directory() const { return directory_; }
  std::string datanode_directory(std::size_t i) const;
  const SmallDisk& small_disk(const std::string& name) const { return *disks_.at(name); }
  std::string namenode_address() const;
  std::uint16_t datanode_port(std::size_t i) const { return datanode_ports_[i]; }
  // A file below directory() with `size` reproducible random bytes.
  std::string make_file(const std::string& name, std::size_t size, unsigned seed = 1) const;

 private:
  std::vector<std::string> verb_environment() const;
  std::string data_directories(std::size_t i) const;
  std::string start_role(std::unique_ptr<Process>& process, std::vector<std::string> arguments,
                         const std::string& name);

  ClusterOptions options_;
  std::string directory_;
  std::map<std::string, std::unique_ptr<SmallDisk>> disks_;
  std::uint16_t namenode_port_ = 0;
  std::vector<std::uint16_t> datanode_ports_;
  std::unique_ptr<Process> namenode_;
  std::vector<std::unique_ptr<Process>> datanodes_;
};

std::string read_file(const std::string& path);
std::string random_bytes(std::size_t size, unsigned seed);

}  // namespace minidfs::test
