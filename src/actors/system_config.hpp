// The CAF settings of every minidfs process, client verbs included. The figures behind them are in
// DESIGN.md's dependency table and docs/decisions.
#pragma once

#include <caf/actor_system_config.hpp>

namespace minidfs::actors {

// Loads the control plane's middleman. Message types are added by the user of this class:
//
//   ControlSystemConfig config;
//   add_message_types(config);  // type_ids.hpp
//   caf::actor_system system{config};
class ControlSystemConfig : public caf::actor_system_config {
 public:
  ControlSystemConfig();
};

}  // namespace minidfs::actors
