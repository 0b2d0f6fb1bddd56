// A namenode of the client's own process, which is asked without a connection: what is asked and
// answered goes from actor to actor, and is neither encoded nor sent.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "actors/interfaces.hpp"
#include "base/ids.hpp"
#include "metadata/types.hpp"

namespace minidfs::client {

struct LocalNamenode {
  std::vector<metadata::Endpoint> addresses;  // All by which it is given and told of.
  ClusterId cluster;
  actors::NamenodeActor namenode;  // Outlives the links that know it.
};

using LocalNamenodes = std::vector<LocalNamenode>;

// Null: there is none at that address.
inline const LocalNamenode* find_local(const LocalNamenodes* all,
                                       const metadata::Endpoint& address) {
  if (all == nullptr) return nullptr;
  for (const auto& each : *all) {
    if (std::find(each.addresses.begin(), each.addresses.end(), address) != each.addresses.end()) {
      return &each;
    }
  }
  return nullptr;
}

}  // namespace minidfs::client
