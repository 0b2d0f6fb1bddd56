// What the log knows of its members and of who leads, in the words of clients and datanodes.
#pragma once

#include "consensus/quorum.hpp"
#include "metadata/quorum.hpp"

namespace minidfs::actors {

// An address that cannot be read is left empty.
metadata::QuorumView view_of(const consensus::QuorumStatus& status);

}  // namespace minidfs::actors
