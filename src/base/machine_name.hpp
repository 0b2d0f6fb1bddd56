// The name of this machine, by which clients and datanodes on the same one know each other.
#pragma once

#include <string>

namespace minidfs {

// As the system calls it; empty when it has none.
std::string machine_name();

}  // namespace minidfs
