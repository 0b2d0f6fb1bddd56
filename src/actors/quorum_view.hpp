// What the log knows of its members and of who leads, in the words of clients and datanodes.
#pragma once

#include <cstdint>

#include "consensus/quorum.hpp"
#include "metadata/quorum.hpp"

namespace minidfs::actors {

// `office_term`: the term of the leadership that this namenode has taken over; 0: none. Before
// that, and in any other term, it is not named as the leader, whatever the log says. An address
// that cannot be read is left empty.
metadata::QuorumView view_of(const consensus::QuorumStatus& status, std::uint64_t office_term);

}  // namespace minidfs::actors
