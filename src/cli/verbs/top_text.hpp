// How `top` shows a cluster. Pure functions.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "cli/verbs/top_rates.hpp"

namespace minidfs::cli {

// All that one drawing shows. The strings in it are printable already.
struct TopFrame {
  std::string title;  // The first line.
  ClusterLook look;   // The last one that found a namenode that leads.
  ClusterRates rates;
  // Why the present look found none, and how old the figures are; empty: they are those of now.
  std::string problem;
  std::chrono::seconds age{0};
  std::optional<client::Quorum> quorum;  // Then as those namenodes tell it that answer.
  bool shows_requests = false;           // /metrics are to be read;
  std::string requests_problem;          // why they could not be.
};

struct Window {
  std::size_t columns = 0;  // 0: as many as it takes.
  std::size_t rows = 0;
};

// Lines that fit the window: longer ones are cut, and of those that find no room it is said how
// many they are.
std::string top_text(const TopFrame& frame, const Window& window);

}  // namespace minidfs::cli
