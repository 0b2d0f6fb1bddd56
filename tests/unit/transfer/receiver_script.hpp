// Scripts for PipelineReceiver: events, each with the effects that must follow, in words.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "transfer/pipeline_receiver.hpp"

namespace minidfs::transfer {

using std::chrono::milliseconds;

// One step: `after` so long, `event` happens, and `effects` follow, separated by "; ".
struct ScriptStep {
  ReceiverEvent event;
  std::string effects;
  milliseconds after{0};
};
struct Script {
  const char* title;
  std::size_t further;  // Targets behind this node.
  std::vector<ScriptStep> steps;
};

inline constexpr std::uint64_t kSlice = 64 << 10;

// --- Events -----------------------------------------------------------------------------------

inline ReceiverEvent begin(std::uint64_t block) { return BeginBlock{BlockId{block}, 1, 0}; }
inline ReceiverEvent slices(std::size_t count, std::size_t stored_bytes = kSlice) {
  return SlicesArrived{count, count * kSlice, stored_bytes, {}};
}
inline ReceiverEvent bad_slices() {
  return SlicesArrived{1, kSlice, kSlice, Error{Errc::kCorrupt, "wrong checksum"}};
}
inline ReceiverEvent end(std::uint64_t slices) { return EndBlock{slices, slices * kSlice}; }
inline ReceiverEvent next_acked(std::uint64_t block, std::vector<Errc> targets = {Errc{0}},
                                std::uint64_t stored_bytes = 0) {
  NextAcked event{{BlockId{block}, stored_bytes, {}}};
  for (const auto code : targets) {
    event.ack.targets.push_back({static_cast<std::uint8_t>(code), ""});
  }
  return event;
}
inline ReceiverEvent next_lost(std::uint64_t block, std::uint8_t target) {
  return NextLost{{BlockId{block}, target, wire_status({Errc::kIoError, "broken"})}};
}
inline ReceiverEvent next_failed() { return NextFailed{{Errc::kUnavailable, "reset"}}; }
inline ReceiverEvent replica_lost(std::uint64_t number) {
  return ReplicaLost{number, {Errc::kNoSpace, "full"}};
}
inline ReceiverEvent tick(std::span<const DiskAge> disks = {}) { return Tick{disks, false}; }

// --- Effects in words -------------------------------------------------------------------------

inline std::string word(const WireStatus& status) {
  return status.ok() ? "ok" : std::string(errc_info(static_cast<Errc>(status.code)).name);
}

struct InWords {
  std::string operator()(const Receive& e) const {
    return "receive " + std::to_string(e.input) + (e.in_block ? " in block" : "");
  }
  std::string operator()(const ReleaseInput& e) const {
    return "release " + std::to_string(e.input) + (e.forward ? " forwarded" : "");
  }
  std::string operator()(const CreateReplica& e) const {
    return "create " + std::to_string(e.block) + " for " + to_string(e.begin.block);
  }
  std::string operator()(const AppendSlices& e) const {
    return "append " + std::to_string(e.block);
  }
  std::string operator()(const StoreReplica& e) const { return "store " + std::to_string(e.block); }
  std::string operator()(const AbandonReplica& e) const {
    return "abandon " + std::to_string(e.block);
  }
  std::string operator()(const ConnectNext&) const { return "connect"; }
  std::string operator()(const ForwardEarly&) const { return "forward"; }
  std::string operator()(const EndSending&) const { return "end sending"; }
  std::string operator()(const HangUpNext&) const { return "hang up"; }
  std::string operator()(const AckBlock& e) const {
    std::string text = "ack " + to_string(e.block);
    if (e.stored_bytes > 0) text += " of " + std::to_string(e.stored_bytes);
    for (const auto& target : e.targets) text += ", " + word(target);
    return text;
  }
  std::string operator()(const TargetLost& e) const {
    return "lost " + to_string(e.block) + " at " + std::to_string(e.target) + ", " + word(e.status);
  }
  std::string operator()(const KeepAlive& e) const {
    return "alive " + std::to_string(e.disk_stalled_ms);
  }
  std::string operator()(const ExpectOutputTaken& e) const {
    return e.expected ? "expect taken" : "expect nothing";
  }
  std::string operator()(const ClosePipeline& e) const {
    return "close" +
           (e.status.ok() ? "" : ", " + std::string(errc_info(e.status.error().code).name));
  }
};

inline std::string in_words(const ReceiverEffects& effects) {
  std::string text;
  for (const auto& effect : effects)
    text += (text.empty() ? "" : "; ") + std::visit(InWords(), effect);
  return text;
}

// --- Playing ----------------------------------------------------------------------------------

inline PipelineReceiver::Limits script_limits() {
  PipelineReceiver::Limits limits;
  limits.next = {milliseconds(200), milliseconds(500), milliseconds(3000), milliseconds(1000),
                 milliseconds(0)};
  limits.disk_timeout = milliseconds(1000);
  limits.keep_alive_interval = milliseconds(100);
  return limits;
}

inline void play(const Script& script) {
  INFO(script.title);
  auto now = PipelineReceiver::TimePoint{} + std::chrono::hours(1);
  OpenPipeline pipeline;
  for (std::size_t i = 0; i < script.further; ++i) {
    pipeline.targets.push_back({"node", static_cast<std::uint16_t>(i + 1)});
  }
  PipelineReceiver receiver(script_limits(), pipeline, now);
  for (std::size_t i = 0; i < script.steps.size(); ++i) {
    INFO("step " << i + 1);
    now += script.steps[i].after;
    REQUIRE(in_words(receiver.step(script.steps[i].event, now)) == script.steps[i].effects);
  }
}

}  // namespace minidfs::transfer
