#include "history/history_writer.hpp"

#include <chrono>
#include <cstdlib>

namespace minidfs::history {

HistoryWriter::HistoryWriter(const std::string& path, std::uint32_t client)
    : file_(std::fopen(path.c_str(), "w")) {
  if (!file_) {
    std::perror(path.c_str());
    std::exit(2);
  }
  std::fprintf(file_.get(), "minidfs-history 1 %u\n", client);
}

// Its time is before all of the call, also when this thread has to wait for its turn here.
void HistoryWriter::call(const std::string& directory, const std::string& words) {
  std::fprintf(file_.get(), "> %lld %s %s\n", static_cast<long long>(now()), directory.c_str(),
               words.c_str());
  std::fflush(file_.get());  // Kept when this process is killed within the call.
}

void HistoryWriter::returned(const std::string& answer) {
  std::fprintf(file_.get(), "< %lld %s\n", static_cast<long long>(now()), answer.c_str());
}

Nanoseconds now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace minidfs::history
