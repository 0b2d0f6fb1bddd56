// Where datanodes serve HTTP: what they tell the namenodes of it, and what clients ask of these. Of
// version 2; see messages.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "metadata/types.hpp"

namespace minidfs::actors {

// Whom a process that serves HTTP lets in.
enum class HttpAccess : std::uint8_t { kOff, kTokens, kEverybody };
inline HttpAccess http_access(bool asks_for_tokens) {
  return asks_for_tokens ? HttpAccess::kTokens : HttpAccess::kEverybody;
}

// A registered datanode tells that it serves HTTP; answered with Accepted. Forgotten when it
// registers again, so it is told after each registration.
struct AnnounceHttp {
  NodeId node;
  std::uint64_t incarnation = 0;  // As in RegisterNode.
  metadata::Endpoint http;        // As others reach it; on loopback when nobody else does.
  bool on_loopback = false;       // The node's own machine reaches it there, too.
  HttpAccess access = HttpAccess::kTokens;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, AnnounceHttp& x) {
  return f(x.node, x.incarnation, x.http, x.on_loopback, x.access);
}

// Asks which of the datanodes that live serve HTTP.
struct HttpNodesRequest {};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, HttpNodesRequest&) {
  return f();
}

struct HttpNode {
  NodeId node;
  std::string host;  // The machine.
  metadata::Endpoint data;
  metadata::Endpoint http;   // As in AnnounceHttp.
  bool on_loopback = false;  // Likewise.
  HttpAccess access = HttpAccess::kTokens;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, HttpNode& x) {
  return f(x.node, x.host, x.data, x.http, x.on_loopback, x.access);
}

struct HttpNodesReply {
  std::vector<HttpNode> nodes;
  HttpAccess namenode = HttpAccess::kOff;  // Of the one that answers.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, HttpNodesReply& x) {
  return f(x.nodes, x.namenode);
}

}  // namespace minidfs::actors
