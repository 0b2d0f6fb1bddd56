// A small cluster with good clients among bad ones: what hostile_bytes_test and flood_test attack.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ids.hpp"
#include "cluster/hostile_peer.hpp"
#include "cluster/test_cluster.hpp"

namespace minidfs::test {

// The greeting of the data protocol to a datanode. It serves nobody who names another cluster, so
// the worst stranger knows this one.
std::string data_greeting_of(const TestCluster& cluster_of, std::size_t datanode);

// One namenode, one datanode, and a file that is read and others that are written meanwhile.
class BesiegedCluster {
 public:
  BesiegedCluster();

  std::uint16_t namenode_port() const;
  std::uint16_t datanode_port() const { return cluster_.datanode_port(0); }

  std::string data_greeting() const { return data_greeting_of(cluster_, 0); }

  // An old file can be read, a new one written and read, and both roles run.
  void check_good_clients();
  // Neither role has grown by 64 MiB since the beginning.
  void check_memory();

 private:
  void write(const std::string& path);
  void read(const std::string& path);

  TestCluster cluster_;
  const std::string content_;
  std::optional<MemoryWatch> namenode_memory_;
  std::optional<MemoryWatch> datanode_memory_;
  int puts_ = 0;
};

}  // namespace minidfs::test
