#include "http/webhdfs/datanode_choice.hpp"

#include <catch2/catch.hpp>
#include <set>

namespace minidfs::http::webhdfs {
namespace {

using actors::HttpNode;

// The datanode with this number, on a machine of its own that others reach by its name.
HttpNode node(std::uint64_t number) {
  const auto host = "h" + std::to_string(number);
  return {NodeId{0, number}, host, {host, 9866}, {host, 9864}, false};
}

HttpNode on_loopback(std::uint64_t number, const std::string& machine) {
  const auto port = static_cast<std::uint16_t>(20'000 + number);
  return {NodeId{0, number}, machine, {"127.0.0.1", 9866}, {"127.0.0.1", port}, true};
}

// A client elsewhere, of a server on h1.
Asker from_afar() { return {{"10.0.0.9", 40'000, false}, {"10.0.0.1", 9870, false}, "h1"}; }
Asker by_loopback() { return {{"127.0.0.1", 40'000, true}, {"127.0.0.1", 9870, true}, "h1"}; }

// All that chance can lead to.
std::set<std::string> choices(const std::vector<HttpNode>& nodes, const Asker& asker,
                              const DatanodeWish& wish = {}) {
  std::set<std::string> found;
  for (std::uint64_t random = 0; random < 20; ++random) {
    const auto chosen = choose_datanode(nodes, asker, wish, random);
    if (chosen) found.insert(to_string(*chosen));
  }
  return found;
}

using Names = std::set<std::string>;

}  // namespace

TEST_CASE("any datanode will do for a client elsewhere, unless the bytes are at some") {
  const std::vector nodes{node(1), node(2), node(3)};
  CHECK(choices({}, from_afar()).empty());
  CHECK(choices(nodes, from_afar()) == Names{"h1:9864", "h2:9864", "h3:9864"});
  const std::vector<NodeId> holders{{0, 3}, {0, 2}, {0, 77}};
  CHECK(choices(nodes, from_afar(), {&holders, {}}) == Names{"h2:9864", "h3:9864"});
  const std::vector<NodeId> none;
  CHECK(choices(nodes, from_afar(), {&none, {}}).empty());
}

TEST_CASE("a datanode on the client's own machine is preferred") {
  std::vector nodes{node(1), node(2), node(3)};
  CHECK(choices(nodes, by_loopback()) == Names{"h1:9864"});
  auto same_machine = from_afar();
  same_machine.remote.address = same_machine.local.address;
  CHECK(choices(nodes, same_machine) == Names{"h1:9864"});
  nodes[1].http.host = from_afar().remote.address;
  CHECK(choices(nodes, from_afar()) == Names{"10.0.0.9:9864"});
  const std::vector<NodeId> holders{{0, 3}};
  CHECK(choices(nodes, from_afar(), {&holders, {}}) == Names{"h3:9864"});
}

TEST_CASE("loopback is named only to those who came over it, of their own machine") {
  const std::vector nodes{on_loopback(1, "h1"), on_loopback(2, "h2")};
  CHECK(choices(nodes, from_afar()).empty());
  auto same_machine = from_afar();
  same_machine.remote.address = same_machine.local.address;
  CHECK(choices(nodes, same_machine).empty());
  CHECK(choices(nodes, by_loopback()) == Names{"127.0.0.1:20001"});
}

TEST_CASE("who came over loopback is sent there where the datanode of its machine listens") {
  auto here = node(1);
  here.on_loopback = true;
  auto there = node(2);
  there.on_loopback = true;
  CHECK(choices({here}, by_loopback()) == Names{"127.0.0.1:9864"});
  CHECK(choices({here}, from_afar()) == Names{"h1:9864"});
  CHECK(choices({there}, by_loopback()) == Names{"h2:9864"});
}

TEST_CASE("excluded datanodes are known by where clients were sent, and by their data ports") {
  auto here = node(1);
  here.on_loopback = true;
  const std::vector nodes{here, node(2), node(3)};
  const auto without = [&](const char* excluded, const Asker& asker) {
    return choices(nodes, asker, {nullptr, excluded_nodes(excluded)});
  };
  CHECK(without("h1:9864, h3:9866", from_afar()) == Names{"h2:9864"});
  CHECK(without("h2", from_afar()) == Names{"h1:9864", "h3:9864"});
  CHECK(without("127.0.0.1:9864", by_loopback()) == Names{"h2:9864", "h3:9864"});
  CHECK(without("h1:9864", by_loopback()) == Names{"h2:9864", "h3:9864"});
  CHECK(without("h1,h2,h3", from_afar()).empty());
  CHECK(without("h1:1,elsewhere", from_afar()).size() == 3);
}

TEST_CASE("a list of excluded datanodes may have spaces and empty parts") {
  CHECK(excluded_nodes("").empty());
  CHECK(excluded_nodes(" , ,").empty());
  CHECK(excluded_nodes("a:1") == std::vector<std::string>{"a:1"});
  CHECK(excluded_nodes(" a:1,, b ") == std::vector<std::string>{"a:1", "b"});
}

}  // namespace minidfs::http::webhdfs
