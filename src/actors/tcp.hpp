// Connected sockets of the control plane: every wait with a deadline, every error with the address
// it is about.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"

namespace minidfs::actors {

using Deadline = std::chrono::steady_clock::time_point;

// The address of the other end of a connected socket, for logs.
std::string peer_text(int fd);

// Sends or receives all of `bytes` on a non-blocking socket. kTimedOut at the deadline,
// kUnavailable when the other end has closed, kCancelled soon after `cancelled` (which may be null)
// was set. The caller adds the address to the message.
Status send_all(int fd, std::span<const std::byte> bytes, Deadline deadline,
                const std::atomic<bool>* cancelled = nullptr);
Status receive_all(int fd, std::span<std::byte> bytes, Deadline deadline,
                   const std::atomic<bool>* cancelled = nullptr);

// What every control connection gets: small messages leave at once, and an end that is gone without
// a word is noticed within some ten seconds although nothing polls.
void tune_control_socket(int fd);

}  // namespace minidfs::actors
