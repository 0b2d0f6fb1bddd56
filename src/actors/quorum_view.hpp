// What the log knows of its members and of who leads, in the words of clients and datanodes.
#pragma once

#include <cstdint>

#include "actors/interfaces.hpp"
#include "consensus/log.hpp"
#include "consensus/quorum.hpp"
#include "metadata/quorum.hpp"

namespace minidfs::actors {

// `office_term`: the term of the leadership that this namenode has taken over; 0: none. Before
// that, and in any other term, it is not named as the leader, whatever the log says. An address
// that cannot be read is left empty.
metadata::QuorumView view_of(const consensus::QuorumStatus& status, std::uint64_t office_term);

// That this namenode does not lead, and who does as far as the log knows: whether that one serves
// clients yet does not count.
caf::error not_led_by_log(const consensus::QuorumStatus& status);
// An error of the log's, with that if it is kNotLeader.
caf::error error_of_log(const Error& error, const consensus::Log& log);

}  // namespace minidfs::actors
