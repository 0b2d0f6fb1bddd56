// Histories that nobody has seen, for the tests of what judges them.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "history/history.hpp"

namespace minidfs::history {

// A line for each operation: CLIENT CALLED RETURNED CALL: ANSWER, with calls and answers as in
// history_file.hpp; RETURNED is "never" when the outcome is unknown. Fails the test for other text.
DirectoryHistory forge(const std::string& text);

struct Crowd {
  std::uint32_t clients = 8;
  std::uint32_t names = 8;
  std::size_t operations = 300;
  Nanoseconds longest = 100;  // From a call to its return; pauses are as long at most.
  int unknown_percent = 0;
};

// What a right directory answers to clients that do something at random: each operation happens at
// a random moment between its call and its return.
DirectoryHistory happen(const Crowd& crowd, std::mt19937_64& random);

}  // namespace minidfs::history
