// The one binary: wires the command line to the client library and to the roles.

#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "base/logging.hpp"
#include "base/standard_descriptors.hpp"
#include "cli/application.hpp"
#include "cli/roles/roles.hpp"

namespace {

using namespace minidfs;

int run_role(cli::Role role, const Config& config) {
  switch (role) {
    case cli::Role::kNamenode:
      return cli::run_namenode(config);
    case cli::Role::kDatanode:
      return cli::run_datanode(config);
    case cli::Role::kGateway:
      return cli::run_gateway(config);
    case cli::Role::kLocal:
      return cli::run_local(config);
  }
  return 1;
}

std::vector<std::string> environment_words() {
  std::vector<std::string> words;
  for (char** word = environ; word != nullptr && *word != nullptr; ++word) {
    // Only our own: an environment may be large.
    if (std::string_view(*word).substr(0, 8) == "MINIDFS_") words.emplace_back(*word);
  }
  return words;
}

}  // namespace

int main(int argc, char** argv) {
  // Before a library opens anything.
  if (!open_closed_descriptors()) ::_exit(1);
  // A reader that goes away is an error of write(2), not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  int exit_code = 1;
  try {
    const cli::Wiring wiring{cli::standard_io(), client::FileSystem::connect, run_role, true};
    exit_code =
        cli::run_application({argv + (argc > 0 ? 1 : 0), argv + argc}, environment_words(), wiring);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "minidfs: %s\n", problem.what());
  }
  // Everything is closed and written; running the destructors of libraries would only take time.
  std::fflush(nullptr);
  flush_log(std::chrono::milliseconds(200));
  ::_exit(exit_code);
}
