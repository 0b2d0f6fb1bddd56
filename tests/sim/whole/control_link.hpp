// One peer's connection to the namenode: requests and answers cross the network, meet the process
// as it was when the connection was made, and may be lost or late. No time-outs of its own.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>

#include "sim/whole/namenode.hpp"
#include "sim/whole/network.hpp"
#include "sim/whole/process.hpp"

namespace minidfs::sim {

class ControlLink {
 public:
  ControlLink(Network& network, SimNamenode& namenode, Process& owner, Place place)
      : network_(network), namenode_(namenode), owner_(owner), place_(place) {}

  // What was sent before may still arrive.
  void reconnect() {
    connection_ = network_.connect();
    life_ = namenode_.process().life();
  }

  // Connects as a peer that has one connection: once the namenode has taken the new one, it hears
  // nothing over those before (actors/admission_handshake.cpp). What it has said before may still
  // arrive.
  template <class Reply>
  void dial(Respond<Reply> answered) {
    reconnect();
    ask<Reply>(
        [this, connection = connection_](SimNamenode&, const Respond<Reply>& respond) {
          admitted_ = std::max(admitted_, connection);
          respond(Reply{});
        },
        std::move(answered));
  }

  template <class Reply>
  void ask(std::function<void(SimNamenode&, Respond<Reply>)> request, Respond<Reply> answered) {
    const auto connection = connection_;
    Respond<Reply> respond = [this, connection, life = owner_.life(),
                              answered = std::move(answered)](Result<Reply> reply) {
      network_.send(kNamenode, place_, connection, [this, life, answered, reply] {
        owner_.arrive(life, [answered, reply] { answered(reply); });
      });
    };
    network_.send(place_, kNamenode, connection,
                  [this, connection, life = life_, request = std::move(request), respond] {
                    namenode_.process().arrive(life, [this, connection, request, respond] {
                      if (connection >= admitted_) request(namenode_, respond);
                    });
                  });
  }

 private:
  Network& network_;
  SimNamenode& namenode_;
  Process& owner_;
  Place place_;
  std::uint64_t connection_ = 0;
  std::uint64_t admitted_ = 0;  // By the namenode, in place of those before.
  std::uint64_t life_ = 0;
};

}  // namespace minidfs::sim
