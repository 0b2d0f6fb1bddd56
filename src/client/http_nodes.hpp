// Which datanodes serve HTTP, as the namenode said some seconds ago: so that not every redirect
// costs a question. Asks nobody itself (client/async/async_names.hpp). Thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "actors/http_messages.hpp"
#include "base/result.hpp"

namespace minidfs::client {

class HttpNodes {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using List = std::shared_ptr<const std::vector<actors::HttpNode>>;

  // For so long it is good, and for so long good enough while it is asked for again.
  static constexpr std::chrono::seconds kFresh{2};
  static constexpr std::chrono::seconds kUsable{10};

  struct Known {
    List nodes;              // Null: too old, or never known.
    bool ask_again = false;  // By the one who is told so; for the others it is being asked.
  };
  Known look(TimePoint now);
  // What an error leaves is an empty list: a namenode of version 1 has none, and one that cannot be
  // asked says of none.
  List note(Result<actors::HttpNodesReply> reply, TimePoint now);

 private:
  std::mutex mutex_;
  List nodes_;
  TimePoint known_at_{};
  bool asking_ = false;
};

}  // namespace minidfs::client
