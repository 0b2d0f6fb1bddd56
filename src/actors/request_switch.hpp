// What a namenode publishes: leads every message from the network straight to the actor that serves
// it, on the thread that received it, so that no lane passes through another. A lane that is full
// is answered "busy" here. Takes nothing but the messages of NamenodeActor.
//
// It looks like an actor to CAF, but has no mailbox and no behaviour of its own: an actor may
// forward an element of its mailbox to another one as it is, and the other one's answer goes to the
// asker (CAF's decorators do the same).
#pragma once

#include <caf/monitorable_actor.hpp>
#include <typeindex>
#include <unordered_map>
#include <utility>

#include "actors/interfaces.hpp"
#include "actors/request_lane.hpp"

namespace minidfs::actors {

class RequestSwitch final : public caf::monitorable_actor {
 public:
  // Where a message of a type goes. Filled before the switch is made known to anybody.
  class Routes {
   public:
    // Requests of clients and operators: (Patience, Request).
    template <class... Requests>
    void lead(const caf::strong_actor_ptr& actor, const RequestLanePtr& lane) {
      (add(typeid(Requests), {actor, lane, true}), ...);
    }
    // Messages of datanodes.
    template <class... Messages>
    void lead_nodes(const caf::strong_actor_ptr& actor, const RequestLanePtr& lane) {
      (add(typeid(Messages), {actor, lane, false}), ...);
    }
    // Those that pass whatever else waits for the actor, which has to call put_back_in_line().
    template <class... Messages>
    void lead_nodes_first(const caf::strong_actor_ptr& actor, const RequestLanePtr& lane) {
      (add(typeid(Messages), {actor, lane, false, true}), ...);
    }

   private:
    friend class RequestSwitch;
    struct Route {
      caf::strong_actor_ptr actor;
      RequestLanePtr lane;
      bool has_patience = false;
      bool goes_first = false;
    };
    void add(std::type_index type, Route route) { by_type_[type] = std::move(route); }
    std::unordered_map<std::type_index, Route> by_type_;
  };

  static caf::strong_actor_ptr make(caf::actor_system& system, Routes routes);
  // Tells those who watch the switch that it ends.
  static void close(const caf::strong_actor_ptr& made);

  // For CAF.
  RequestSwitch(caf::actor_config& config, Routes routes);
  const char* name() const override { return "switch"; }
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* host) override;

 private:
  const Routes::Route* route_of(const caf::type_erased_tuple& content) const;

  const Routes routes_;
};

// Of an actor that serves messages which the switch has let pass others: call it before the answer,
// which belongs to the number under which was asked. CAF counts the urgency into the numbers of
// requests, but does not send it: urgent is therefore what the switch makes so, on this machine.
void put_back_in_line(caf::mailbox_element* served);

// Those of a namenode that serve what it publishes.
struct NamenodeServers {
  caf::strong_actor_ptr names;
  caf::strong_actor_ptr blocks;
  caf::strong_actor_ptr backups;
  caf::strong_actor_ptr quorum;
  caf::strong_actor_ptr members{};  // May be null: then nobody is told of them.
};
RequestSwitch::Routes namenode_routes(const NamenodeServers& servers, const NamenodeLanes& lanes);

}  // namespace minidfs::actors
