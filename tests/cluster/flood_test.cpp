// Too many connections, and connections that are too slow: the cluster works on in the same memory.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <random>
#include <thread>

#include "cluster/besieged_cluster.hpp"
#include "cluster/hostile_peer.hpp"
#include "transfer/wire.hpp"

namespace minidfs::test {
namespace {

constexpr std::size_t kIdle = 5'000;

// The connections of strangers to one port, in every stage in which one may stop talking.
class Strangers {
 public:
  explicit Strangers(std::uint16_t port) : port_(port) {}

  void add_silent(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) peers_.emplace_back(port_);
  }
  void add_after(const std::string& greeting, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      peers_.emplace_back(port_);
      peers_.back().send(greeting);
    }
  }
  void add_admitted(const std::string& conversation, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      peers_.push_back(admitted_peer(port_, random_, conversation));
    }
  }
  // Every other one stops sending, or is gone without a word.
  void break_off_halves() {
    for (std::size_t i = 0; i < peers_.size(); i += 2) {
      if (i % 4 == 0) {
        peers_[i].close_half();
      } else {
        peers_[i].vanish();
      }
    }
  }

 private:
  std::uint16_t port_;
  std::mt19937_64 random_{5};
  std::vector<HostilePeer> peers_;
};

// Sends `talk` by one byte a second over many connections, until it is told to stop.
class SlowTalkers {
 public:
  SlowTalkers(std::uint16_t port, const std::string& talk, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) peers_.emplace_back(port);
    thread_ = std::thread([this, talk] {
      for (std::size_t at = 0; !stop_; ++at) {
        for (auto& peer : peers_) peer.send(talk.substr(at % talk.size(), 1));
        std::this_thread::sleep_for(std::chrono::seconds(1));
      }
    });
  }
  ~SlowTalkers() {
    stop_ = true;
    thread_.join();
  }
  SlowTalkers(const SlowTalkers&) = delete;
  SlowTalkers& operator=(const SlowTalkers&) = delete;

  std::size_t closed() {
    std::size_t count = 0;
    for (auto& peer : peers_) count += peer.closed() ? 1 : 0;
    return count;
  }

 private:
  std::vector<HostilePeer> peers_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace

TEST_CASE("five thousand idle connections to the namenode leave the cluster working") {
  const std::size_t allowed = connections_allowed(kIdle);
  BesiegedCluster cluster;
  const std::string conversation = recorded_conversation(cluster.namenode_port());
  Strangers strangers(cluster.namenode_port());
  strangers.add_silent(allowed / 2);
  cluster.check_good_clients();
  // These have been let in, and some have even asked for something.
  strangers.add_admitted({}, allowed / 4);
  strangers.add_admitted(conversation, allowed / 4);
  cluster.check_good_clients();
  strangers.break_off_halves();
  cluster.check_good_clients();
  cluster.check_memory();
}

TEST_CASE("five thousand idle connections to a datanode leave the cluster working") {
  const std::size_t allowed = connections_allowed(kIdle);
  BesiegedCluster cluster;
  Strangers strangers(cluster.datanode_port());
  const std::string greeting = cluster.data_greeting();
  strangers.add_silent(allowed / 4);
  strangers.add_after(greeting.substr(0, 20), allowed / 4);
  strangers.add_after(greeting, allowed / 4);
  std::string pipeline = greeting;
  transfer::append_frame(pipeline, transfer::FrameType::kOpenPipeline, transfer::OpenPipeline{});
  strangers.add_after(pipeline, allowed / 4);
  cluster.check_good_clients();
  strangers.break_off_halves();
  cluster.check_good_clients();
  cluster.check_memory();
}

TEST_CASE("connections that send one byte a second are closed and hold nobody up") {
  BesiegedCluster cluster;
  std::string hello(128, '\0');
  hello.replace(0, 8, std::string("MDFSCTL\0", 8));
  SlowTalkers control(cluster.namenode_port(), hello, 200);
  SlowTalkers data(cluster.datanode_port(), cluster.data_greeting(), 200);
  // Handshakes have five seconds, whatever trickles in.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (control.closed() + data.closed() < 400 && std::chrono::steady_clock::now() < deadline) {
    cluster.check_good_clients();
  }
  CHECK(control.closed() == 200);
  CHECK(data.closed() == 200);
  cluster.check_memory();
}

TEST_CASE("a flood of connections to both ports leaves the cluster working") {
  BesiegedCluster cluster;
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> connections{0};
  std::vector<std::thread> flooders;
  for (const auto port : {cluster.namenode_port(), cluster.datanode_port()}) {
    flooders.emplace_back([&, port] {
      const std::string greeting = cluster.data_greeting();
      std::vector<HostilePeer> held;
      while (!stop) {
        held.emplace_back(port);
        held.back().send(greeting.substr(0, connections % greeting.size()));
        if (held.size() == 300) held.clear();
        ++connections;
      }
    });
  }
  for (int i = 0; i < 5; ++i) cluster.check_good_clients();
  stop = true;
  for (auto& flooder : flooders) flooder.join();
  CHECK(connections > 2'000);
  cluster.check_good_clients();
  cluster.check_memory();
}

}  // namespace minidfs::test
