#include "actors/local_hosts.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "base/units.hpp"
#include "net/look_up.hpp"

namespace minidfs::actors {
namespace {

std::string without_domain(const std::string& name) { return name.substr(0, name.find('.')); }

std::set<std::string> hosts_of(const std::vector<std::string>& addresses,
                               const std::string& except) {
  std::set<std::string> hosts;
  for (const auto& address : addresses) {
    auto parsed = parse_host_port(address, std::nullopt);
    if (!parsed.ok() || parsed->host.empty()) continue;
    const bool own = !except.empty() && without_domain(parsed->host) == without_domain(except);
    if (!own) hosts.insert(std::move(parsed->host));
  }
  return hosts;
}

bool are_local(const net::Addresses& found) {
  return found.ok() && std::all_of(found->begin(), found->end(),
                                   [](const net::Address& each) { return each.is_loopback(); });
}

// Several look-ups, which end on threads of their own.
class Search {
 public:
  Search(std::size_t count, std::function<void(LocalHosts)> done)
      : left_(count), done_(std::move(done)) {}

  void ended(const std::string& host, bool local) {
    {
      const std::lock_guard lock(mutex_);
      if (local) found_.insert(host);
      if (--left_ > 0) return;
    }
    done_(std::move(found_));
  }

 private:
  std::mutex mutex_;
  std::size_t left_;
  LocalHosts found_;
  const std::function<void(LocalHosts)> done_;
};

}  // namespace

void find_local_hosts(const std::vector<std::string>& addresses, const std::string& except,
                      std::function<void(LocalHosts)> done) {
  const auto hosts = hosts_of(addresses, except);
  if (hosts.empty()) return done({});
  const auto search = std::make_shared<Search>(hosts.size(), std::move(done));
  for (const auto& host : hosts) {
    net::start_look_up({host, 0}, [search, host](const net::Addresses& found) {
      search->ended(host, are_local(found));
    });
  }
}

}  // namespace minidfs::actors
