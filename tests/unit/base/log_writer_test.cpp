#include "base/log_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <sstream>

#include "support/temporary_directory.hpp"

namespace minidfs {
namespace {

constexpr std::chrono::seconds kSoon{20};

std::string dropped_line(std::uint64_t lines) { return "lost " + std::to_string(lines) + "\n"; }

// A named pipe and the end of it that is read, or not.
struct Pipe {
  test::TemporaryDirectory directory;
  std::string path = directory.file("pipe");
  UniqueFd reader;

  Pipe() {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    reader = UniqueFd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    REQUIRE(reader.get() >= 0);
    REQUIRE(::fcntl(reader.get(), F_SETFL, 0) == 0);
  }

  // Everything up to a line that is `last`.
  std::string read_to(const std::string& last) const {
    std::string text;
    char buffer[65536];
    while (text.size() < last.size() || text.substr(text.size() - last.size()) != last) {
      const ssize_t count = ::read(reader.get(), buffer, sizeof buffer);
      REQUIRE(count > 0);
      text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
  }
};

TEST_CASE("nobody who logs waits for a pipe that is not read, and what is lost is counted") {
  const Pipe pipe;
  auto* writer = *LogWriter::start(pipe.path, dropped_line);
  const std::string line(99, 'x');
  constexpr std::size_t kLines = 40'000;
  for (std::size_t i = 0; i < kLines; ++i) writer->push(line + "\n");

  // The queue is full, so the last lines were dropped; this is told as soon as somebody reads.
  std::size_t lines = 0;
  std::size_t lost = 0;
  while (lost == 0) {
    std::istringstream text(pipe.read_to("\n"));
    for (std::string got; std::getline(text, got);) {
      if (got.substr(0, 5) == "lost ") lost += std::stoul(got.substr(5));
      if (got.find('x') != std::string::npos) lines += got == line ? 1 : 0;
    }
  }
  CHECK(lost > kLines / 2);
  CHECK(lost < kLines);
  CHECK(writer->flush(kSoon));
  writer->push("the end\n");
  CHECK(pipe.read_to("the end\n") == "the end\n");
}

TEST_CASE("a flush of a log that nobody reads ends at its deadline") {
  const Pipe pipe;
  auto* writer = *LogWriter::start(pipe.path, dropped_line);
  for (int i = 0; i < 20; ++i) writer->push(std::string(10'000, 'x') + "\n");
  CHECK_FALSE(writer->flush(std::chrono::milliseconds(1)));
  pipe.read_to("x\n");
}

TEST_CASE("lines that cannot be written are counted as lost") {
  auto* writer = *LogWriter::start("/dev/full", dropped_line);
  writer->push("one\n");
  CHECK(writer->flush(kSoon));
}

}  // namespace
}  // namespace minidfs
