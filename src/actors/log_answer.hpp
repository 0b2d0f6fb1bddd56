// What the log answers to a proposed change, on its way to whoever asked for the change.
#pragma once

#include <caf/typed_response_promise.hpp>
#include <string>
#include <utility>

#include "actors/interfaces.hpp"
#include "base/codec.hpp"
#include "base/result.hpp"
#include "metadata/changes.hpp"

namespace minidfs::actors {

inline Result<metadata::ChangeReply> decode_reply(Result<std::string> reply) {
  if (!reply.ok()) return std::move(reply).error();
  return decode<metadata::ChangeReply>(*reply, "reply of the namespace");
}

// `view` tells what is known of who leads, when that is the answer.
template <class View>
void deliver(caf::typed_response_promise<metadata::ChangeReply>& promise,
             Result<metadata::ChangeReply> reply, const View& view) {
  if (reply.ok()) {
    promise.deliver(std::move(reply).value());
  } else if (reply.error().code == Errc::kNotLeader) {
    promise.deliver(not_leader(view()));
  } else {
    promise.deliver(to_caf(reply.error()));
  }
}

}  // namespace minidfs::actors
