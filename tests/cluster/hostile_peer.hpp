// Peers that mean no good, for the cluster tests: raw connections to a role's port, the bytes of a
// real client's conversation to change and repeat, and the memory that a role takes meanwhile.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"

namespace minidfs::test {

// A connection to a port of 127.0.0.1. Everything but the constructor shrugs at failures: the role
// may close whenever it likes.
class HostilePeer {
 public:
  explicit HostilePeer(std::uint16_t port);
  HostilePeer(HostilePeer&&) = default;
  HostilePeer& operator=(HostilePeer&&) = default;

  // False when not all of it could be sent within five seconds.
  bool send(std::string_view bytes);
  // Up to `count` bytes; fewer when the other side closes or five seconds pass.
  std::string receive(std::size_t count);
  // Whether the other side has closed, reading away what it sent.
  bool closed();
  // Reads until the other side closes, five seconds pass without a byte, or it has sent 16 MiB.
  void drain();
  // Ends the sending direction only.
  void close_half();
  // Goes without telling the other side; an ordinary close where the system does not allow that.
  void vanish();

 private:
  UniqueFd fd_;
};

// Leads a connection through the control plane's admission. Sends `conversation` behind it.
HostilePeer admitted_peer(std::uint16_t port, std::mt19937_64& random, std::string conversation);

// What `minidfs ls /` says to the namenode at `port` after its admission, with the 16 bytes of the
// process's id replaced by `kProcessMark`.
std::string recorded_conversation(std::uint16_t port);
inline constexpr std::string_view kProcessMark = "PROCESS-ID-HERE!";

// Changes `bytes` in one of several ways: flipped bits, random bytes, cut, doubled, a forged
// number.
void mutate(std::string& bytes, std::mt19937_64& random);

// Raises this process's limit of open files, which the roles started afterwards inherit, as far as
// it is allowed; returns how many connections a test may open.
std::size_t connections_allowed(std::size_t wanted);

// The most memory that a process has had resident since the object was made, minus what it had
// then.
class MemoryWatch {
 public:
  explicit MemoryWatch(pid_t pid);
  std::uint64_t growth_bytes() const;

 private:
  pid_t pid_;
  std::uint64_t before_bytes_;
};

// Sanitizers keep freed memory for a while, which is not what these tests measure.
std::vector<std::string> without_quarantine();

}  // namespace minidfs::test
