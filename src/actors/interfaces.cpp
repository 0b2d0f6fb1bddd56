#include "actors/interfaces.hpp"

#include <caf/atom.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace minidfs::actors {
namespace {

constexpr caf::atom_value kCategory = caf::atom("minidfs");

Errc code_of(const caf::error& error) {
  if (error.category() == caf::atom("system")) {
    switch (static_cast<caf::sec>(error.code())) {
      case caf::sec::request_timeout:
        return Errc::kTimedOut;
      case caf::sec::request_receiver_down:
      case caf::sec::remote_lookup_failed:
      case caf::sec::no_route_to_receiving_node:
      case caf::sec::disconnect_during_handshake:
      case caf::sec::cannot_connect_to_node:
        return Errc::kUnavailable;
      default:
        return Errc::kInternal;
    }
  }
  return error.category() == caf::atom("exit") ? Errc::kUnavailable : Errc::kInternal;
}

std::string text_of(const caf::error& error) {
  if (error.category() == caf::atom("system")) {
    return caf::to_string(static_cast<caf::sec>(error.code()));
  }
  return caf::to_string(error);
}

}  // namespace

caf::error to_caf(const Error& error) {
  return {static_cast<std::uint8_t>(error.code), kCategory, caf::make_message(error.message)};
}

Error from_caf(const caf::error& error) {
  if (error.category() != kCategory) return {code_of(error), text_of(error)};
  Error result;
  if (is_errc(error.code())) result.code = static_cast<Errc>(error.code());
  const auto& context = error.context();
  if (!context.empty() && context.match_element<std::string>(0)) {
    result.message = context.get_as<std::string>(0);
  }
  return result;
}

caf::error not_leader(const metadata::QuorumView& view) {
  std::string text = "this namenode does not lead";
  for (const auto& member : view.members) {
    if (member.id == view.leader) text += "; the one at " + to_string(member.address) + " does";
  }
  return {static_cast<std::uint8_t>(Errc::kNotLeader), kCategory,
          caf::make_message(std::move(text), view)};
}

std::optional<metadata::QuorumView> told_leader(const caf::error& error) {
  const auto& context = error.context();
  if (error.category() != kCategory ||
      error.code() != static_cast<std::uint8_t>(Errc::kNotLeader) ||
      !context.match_elements<std::string, metadata::QuorumView>()) {
    return std::nullopt;
  }
  return context.get_as<metadata::QuorumView>(1);
}

}  // namespace minidfs::actors
