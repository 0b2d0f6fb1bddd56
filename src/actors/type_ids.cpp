#include "actors/type_ids.hpp"

#include <caf/actor_system_config.hpp>

namespace minidfs::actors {

void add_message_types(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::minidfs>();
}

}  // namespace minidfs::actors
