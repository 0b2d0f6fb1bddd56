// The directories in which the clients of a run meet. A directory is used by at most 8 clients and
// for at most 300 operations, so that its history can be judged; then another takes its place.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace minidfs::history {

inline constexpr std::uint32_t kClientsOfDirectory = 8;
inline constexpr std::uint32_t kOperationsOfDirectory = 300;

class RecordedDirectories {
 public:
  using Make = std::function<Status(const std::string&)>;

  // `places` directories at a time, below `root`, for clients 0, 1, … below `clients`.
  RecordedDirectories(std::string root, std::uint32_t places, std::uint32_t clients);

  // One that the client may use for one operation; a few are hot for a while, so that clients meet.
  // Makes its directory with `make` when it is used up, and gives none until that has been done.
  std::optional<std::string> take(std::uint32_t client, std::mt19937_64& random, const Make& make);

  // No further operation in it: what is unknown may be done at any later time, and many of these in
  // one directory make its history hard to judge.
  void leave(const std::string& directory);

  // All that were ever made and that the client shall list once more: every directory has a client.
  std::vector<std::string> last_look(std::uint32_t client) const;

 private:
  struct Place {
    std::uint32_t generation = 0;  // 0: no directory has been made yet.
    std::uint32_t used = kOperationsOfDirectory;
    bool making = false;
  };

  bool may_use(std::uint32_t client, std::uint32_t place) const;
  std::string path(std::uint32_t place, std::uint32_t generation) const;
  std::uint32_t draw(std::uint32_t client, std::mt19937_64& random) const;

  const std::string root_;
  const std::uint32_t clients_;
  mutable std::mutex mutex_;
  std::vector<Place> places_;
  std::uint64_t taken_ = 0;
};

}  // namespace minidfs::history
