// Writes what one client sees to its file (history_file.hpp says how). Used by that client's
// thread.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "history/history.hpp"
#include "metadata/types.hpp"

namespace minidfs::history {

class HistoryWriter {
 public:
  // Ends the process when the file cannot be made.
  HistoryWriter(const std::string& path, std::uint32_t client);

  // `words`: the action and its names and value. What was called returns before the next call.
  void call(const std::string& directory, const std::string& words);
  void returned(const std::string& answer);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
};

// Of the clock that all clients and the programs beside them share.
Nanoseconds now();

}  // namespace minidfs::history
