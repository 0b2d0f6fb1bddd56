// The latest replies to one client, kept in the replicated state so that a request that is asked
// again is answered as the first time and not done twice. Pure; a function of the entries applied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace minidfs::metadata {

// A client may have this many requests under way; beyond it the oldest reply is forgotten.
inline constexpr std::size_t kRepliesPerClient = 512;

class ReplyWindow {
 public:
  enum class Seen : std::uint8_t {
    kNever,      // To be done now.
    kAnswered,   // The reply is still here.
    kForgotten,  // Done or given up before; its reply was acknowledged or dropped.
  };
  struct Lookup {
    Seen seen = Seen::kNever;
    std::string_view reply;  // Until the window changes.
  };
  Lookup find(std::uint64_t sequence) const;

  // The client has the replies of all sequences below `sequence` and will not ask for them again.
  void acknowledge_below(std::uint64_t sequence);
  // REQUIRES: find(sequence) says kNever.
  void add(std::uint64_t sequence, std::string_view reply);

  std::size_t size() const { return replies_.size(); }
  std::size_t memory_bytes() const { return memory_bytes_; }

  // Format: docs/formats.md, "Namespace database", column client.replies.
  std::string encode() const;
  static Result<ReplyWindow> decode(std::string_view bytes);

 private:
  struct Reply {
    std::uint64_t sequence = 0;
    std::string bytes;
  };

  void drop_front();

  std::uint64_t floor_ = 0;    // Sequences below it are forgotten.
  std::deque<Reply> replies_;  // In ascending order of sequence, all at or above floor_.
  std::size_t memory_bytes_ = 0;
};

}  // namespace minidfs::metadata
