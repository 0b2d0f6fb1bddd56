// What the namenodes know of one another when none of them is found that leads: each one is asked
// for itself, and what they say is put together.
#pragma once

#include <chrono>
#include <vector>

#include "actors/member_messages.hpp"
#include "client/client_context.hpp"
#include "client/quorum.hpp"

namespace minidfs::client {

Namenode namenode_of(const actors::MemberReport& report);
// As the one who answered sees it.
Quorum quorum_of(const actors::QuorumReply& reply);

// Of all that can be reached, the given ones and those that they know; one for each namenode, all
// of one cluster. Waits for about as long as a connect may take, and not much beyond `until`.
std::vector<actors::QuorumReply> views_of_all(ClientContext& context,
                                              std::chrono::steady_clock::time_point until);

// As the one with the newest term sees it, with what the others say of themselves; who says nothing
// is unreachable. A lag counts from the one that is furthest. REQUIRES: at least one.
Quorum put_together(const std::vector<actors::QuorumReply>& views);

}  // namespace minidfs::client
