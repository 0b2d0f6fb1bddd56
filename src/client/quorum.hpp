// The namenodes of a cluster, as operators see and change them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/checksum.hpp"
#include "base/ids.hpp"
#include "base/interface_version.hpp"
#include "base/result.hpp"

namespace minidfs::client {

struct Namenode {
  std::uint64_t id = 0;
  std::string address;           // HOST:PORT, as it announced it last; empty: not known.
  bool voter = true;             // Else a learner, which is being brought up to date.
  std::string state;             // "leader", "follower", "seeding", "unreachable" or "unknown".
  std::uint64_t replaces = 0;    // Who goes when it is a voter; 0: nobody.
  std::uint64_t applied = 0;     // The last change that its namespace holds.
  std::uint64_t lag = 0;         // Entries of the leader's log that it lacks.
  InterfaceVersion version = 0;  // The newest that it speaks; 0: not known.
};

struct Quorum {
  std::uint64_t leader = 0;  // 0: nobody.
  std::uint64_t term = 0;
  std::uint64_t led_for_ms = 0;
  std::vector<Namenode> members;  // Ascending by id.

  std::size_t voters() const;
  std::size_t answering() const;                             // Of these, as far as is known.
  std::size_t majority() const { return voters() / 2 + 1; }  // So many of them decide.
  // So many more voters may fail before nothing can be changed or read.
  std::size_t spare() const;
};

// What a namenode holds at the change that all were asked about.
struct NamenodeDigest {
  Namenode namenode;
  std::uint64_t change = 0;
  Checksum digest = 0;
  std::string problem;  // Why there is none; empty: there is.
};

struct ClientContext;

// As the one that leads tells it. When none is found, as those tell it that answer: then nobody
// leads, or one that only others reach.
Result<Quorum> quorum(ClientContext& context);
// Returns when `member` leads; 0: another voter that is up to date.
Status transfer_leadership(ClientContext& context, std::uint64_t member);
// Returns when the log has it. kNotFound when no namenode has that id.
Status remove_namenode(ClientContext& context, std::uint64_t member);
// Has every namenode compute a digest of the whole namespace at one change, and waits for them: for
// one that says nothing as long as Options::timeout.
Result<std::vector<NamenodeDigest>> digest_namenodes(ClientContext& context);

}  // namespace minidfs::client
