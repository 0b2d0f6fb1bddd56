// Peers of a control listener for the tests of admission: raw sockets that behave well or badly.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>

#include "actors/admission.hpp"
#include "base/file.hpp"

namespace minidfs::actors::test {

inline constexpr ClusterId kCluster{0xC1, 0xC2};
inline constexpr ProcessId kServer{0xA1, 0xA2};
inline constexpr ProcessId kClient{0xB1, 0xB2};

// A bound on every wait of these tests, which none of them reaches unless something is wrong.
inline constexpr std::chrono::seconds kPatience{20};

// A connected socket that has not said anything yet.
UniqueFd connect_raw(std::uint16_t port);

void send_bytes(const UniqueFd& fd, std::span<const std::byte> bytes);
void send_text(const UniqueFd& fd, std::string_view text);

// Blocks until the other side has closed; false when it has not within the patience. What it sends
// before is thrown away.
bool closed_by_peer(const UniqueFd& fd);

// Blocks until the full reply is there.
Result<Reply> receive_reply(const UniqueFd& fd);

// A connection that passed the admission, by hand.
UniqueFd admitted_raw(std::uint16_t port, ProcessId process);

// A listener on a free port, for kCluster and kServer.
std::unique_ptr<ControlListener> open_listener(AdmissionOptions options = {});

// A port of the loopback address that nobody listens on.
std::uint16_t unused_port();

}  // namespace minidfs::actors::test
