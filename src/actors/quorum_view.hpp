// What the log knows of its members and of who leads, in the words of clients and datanodes.
#pragma once

#include "consensus/quorum.hpp"
#include "metadata/quorum.hpp"

namespace minidfs::actors {

// `in_office`: this namenode has taken over the leadership that the log says is its own; before
// that it is not named as the leader. An address that cannot be read is left empty.
metadata::QuorumView view_of(const consensus::QuorumStatus& status, bool in_office);

}  // namespace minidfs::actors
