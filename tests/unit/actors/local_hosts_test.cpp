#include "actors/local_hosts.hpp"

#include <catch2/catch.hpp>
#include <future>

using namespace minidfs;
using namespace minidfs::actors;

namespace {

LocalHosts found(const std::vector<std::string>& addresses, const std::string& except = {}) {
  const auto promise = std::make_shared<std::promise<LocalHosts>>();
  find_local_hosts(addresses, except,
                   [promise](LocalHosts hosts) { promise->set_value(std::move(hosts)); });
  auto answer = promise->get_future();
  REQUIRE(answer.wait_for(std::chrono::minutes(1)) == std::future_status::ready);
  return answer.get();
}

}  // namespace

TEST_CASE("hosts with loopback addresses only are found, however they are written") {
  CHECK(found({"LOCALHOST:1", "10.0.0.1:1", "[::1]:1"}) == LocalHosts{"::1", "LOCALHOST"});
}

TEST_CASE("who has only numeric addresses waits for nobody") {
  bool told = false;
  find_local_hosts({"10.0.0.1:1", "10.0.0.2:1"}, {}, [&](const LocalHosts& hosts) {
    told = true;
    CHECK(hosts.empty());
  });
  CHECK(told);
  told = false;
  find_local_hosts({}, {}, [&](const LocalHosts&) { told = true; });
  CHECK(told);
}

TEST_CASE("a machine's own name says nothing, whatever its domain") {
  CHECK(found({"localhost:1", "127.0.0.1:1"}, "localhost.example") == LocalHosts{"127.0.0.1"});
}
