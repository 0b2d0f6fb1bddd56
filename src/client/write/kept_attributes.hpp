// Modes and times of files that were written, set to those of their sources.
#pragma once

#include <string>
#include <vector>

#include "client/client_context.hpp"
#include "client/failures.hpp"

namespace minidfs::client {

// Paths of the file system with the attributes that they get. Each that fails is noted; an error is
// one that all of them would meet.
struct WantedAttributes {
  std::string path;
  Attributes attributes;
  bool permission = true;  // Else the times only.
};
Status set_attributes(ClientContext& context, const std::vector<WantedAttributes>& wanted,
                      Failures& failures);

}  // namespace minidfs::client
