// What a verb is made of, and what it is given to work with.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "base/config.hpp"
#include "cli/command/arguments.hpp"
#include "cli/command/io.hpp"
#include "client/file_system.hpp"

namespace minidfs::cli {

using Connector =
    std::function<Result<std::unique_ptr<client::FileSystem>>(client::Options options)>;

// One run of a verb. The file system is closed when this is destroyed.
class Invocation {
 public:
  // REQUIRES: `io` and `connector` outlive this object.
  Invocation(Arguments arguments, Config config, const Io& io, const Connector& connector)
      : arguments_(std::move(arguments)),
        config_(std::move(config)),
        io_(io),
        connector_(connector) {}

  const Arguments& arguments() const { return arguments_; }
  const Config& config() const { return config_; }
  const Io& io() const { return io_; }

  // Connects at the first call, so that what is wrong with local operands is said before.
  Result<client::FileSystem*> file_system();

  // No answer is waited for longer than this. REQUIRES: before file_system().
  void limit_timeout(std::chrono::milliseconds longest);

  // For a process that a signal ends, from another thread: nothing is left behind.
  void abandon(std::chrono::milliseconds within);
  // What abandon() does first.
  void at_abandon(std::function<void()> tidy);

 private:
  Arguments arguments_;
  Config config_;
  const Io& io_;
  const Connector& connector_;
  std::unique_ptr<client::FileSystem> file_system_;
  std::atomic<client::FileSystem*> connected_{nullptr};  // As abandon() sees it.
  std::mutex tidy_mutex_;
  std::function<void()> tidy_;
};

struct Command {
  std::string_view name;
  std::string_view operands;  // As in the synopsis: "LOCAL... DFS".
  std::string_view summary;   // One line.
  std::string_view details;   // More lines for --help, or empty.
  std::string_view example;
  std::span<const Flag> flags;  // Its own, beside kClientFlags.
  std::size_t operands_min = 0;
  std::size_t operands_max = 0;
  std::string_view operand_default = {};  // Taken when none is given; empty: none.
  bool is_client = true;                  // Talks to a cluster and takes kClientFlags.
  bool reads_only = false;                // Heeds client.stale; others see what there is.
  bool takes_options = false;             // Looks at the configuration though it is no client.
  // The exit code, or an error to report.
  Result<int> (*run)(Invocation& invocation) = nullptr;
};

inline constexpr std::size_t kManyOperands = ~std::size_t{0};

// The command table, in the order of the overview.
std::span<const Command* const> command_table();

// Taken by every verb that talks to a cluster.
std::span<const Flag> client_flags();

// All operands as paths. Errors: kInvalidArgument for the first that is none.
Result<std::vector<std::string>> dfs_paths(const std::vector<std::string>& operands);

// Runs `action` for every operand, by the rules of Tally; for none when one is no path.
Result<int> for_each_path(
    Invocation& invocation,
    const std::function<Status(client::FileSystem&, const std::string&)>& action);

// A namenode that does not answer concerns all operands; that the datanodes of one file do not,
// after the namenode has told of it, is a matter of that file: such an error becomes kNoDatanode.
Status about_data(Status done);

// The bytes of one of several files.
Status read_whole(client::FileSystem& files, const std::string& path, const client::Sink& sink);

// What the client library is asked for by a configuration. An empty user means the Unix user.
Result<client::Options> client_options(const Config& config);

extern const Command kPutCommand;
extern const Command kGetCommand;
extern const Command kCatCommand;
extern const Command kLsCommand;
extern const Command kMkdirCommand;
extern const Command kRmCommand;
extern const Command kMvCommand;
extern const Command kAppendCommand;
extern const Command kConcatCommand;
extern const Command kTouchCommand;
extern const Command kChmodCommand;
extern const Command kChownCommand;
extern const Command kChgrpCommand;
extern const Command kStatCommand;
extern const Command kChecksumCommand;
extern const Command kSetrepCommand;
extern const Command kStatusCommand;
extern const Command kTopCommand;
extern const Command kFsckCommand;
extern const Command kNodeCommand;
extern const Command kNamenodeCommand;
extern const Command kQuorumCommand;
extern const Command kBalanceCommand;
extern const Command kSafemodeCommand;
extern const Command kScrubCommand;
extern const Command kSecretCommand;
extern const Command kConfigCommand;

}  // namespace minidfs::cli
