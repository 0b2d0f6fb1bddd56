// Fills the history of the cluster.
#pragma once

#include "net/asio.hpp"
// The above comes first: see there.
#include "http/context_source.hpp"
#include "http/rest/cluster_history.hpp"
#include "http/traffic.hpp"

namespace minidfs::http::rest {

// Without an end. Every ten seconds, whether anybody has asked or not: who opens the charts wants
// to see what was before, and one question of some hundred bytes in that time costs nothing. While
// somebody waits for events it looks every two seconds.
asio::awaitable<void> watch_cluster(ContextSource& cluster, const Traffic& traffic,
                                    ClusterHistory& history);

}  // namespace minidfs::http::rest
