#include "base/config.hpp"

#include <algorithm>
#include <array>

#include "base/option_types.hpp"
#include "base/suggest.hpp"
#include "base/units.hpp"

namespace minidfs {
namespace {

using namespace option_types;

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kTiB = 1ULL << 40;
constexpr std::uint64_t kAnySize = ~0ULL >> 1;
// Twice the time between two signs of life in a pipeline: nobody is left for being quiet.
constexpr std::int64_t kProgressMs = 1000;

// An option whose value is Config::*kSection.*kMember, read and written as Type.
template <auto kSection, auto kMember, class Type>
constexpr Option option(std::string_view key, std::string_view help) {
  return {key, help, Type::kToml,
          [](Config& config, std::string_view text) -> Status {
            MDFS_TRY(config.*kSection.*kMember, Type::parse(text));
            return {};
          },
          [](const Config& config) { return Type::print(config.*kSection.*kMember); }};
}

template <auto kMember, class Type>
constexpr auto common = option<&Config::common, kMember, Type>;
template <auto kMember, class Type>
constexpr auto namenode = option<&Config::namenode, kMember, Type>;
template <auto kMember, class Type>
constexpr auto datanode = option<&Config::datanode, kMember, Type>;
template <auto kMember, class Type>
constexpr auto client = option<&Config::client, kMember, Type>;
template <auto kMember, class Type>
constexpr auto gateway = option<&Config::gateway, kMember, Type>;
template <auto kMember, class Type>
constexpr auto http = option<&Config::http, kMember, Type>;
template <auto kMember, class Type>
constexpr auto local = option<&Config::local, kMember, Type>;

using C = CommonConfig;
using N = NamenodeConfig;
using D = DatanodeConfig;
using F = ClientConfig;
using G = GatewayConfig;
using H = HttpConfig;
using L = LocalConfig;
template <std::uint64_t kLow, std::uint64_t kHigh>
using Number = Count<std::uint32_t, kLow, kHigh>;

const std::array kTable{
    common<&C::listen, Host>("common.listen", "Address that a namenode or datanode listens on."),
    common<&C::secret_file, Text>(
        "common.secret_file",
        "File of the cluster's secret, or of a client's key; see `minidfs secret`."),
    common<&C::insecure, Switch>(
        "common.insecure",
        "Whether a role that other machines reach lets everybody in, without a secret."),
    common<&C::log_level, LogLevelName>(
        "common.log_level", "The least important events to log: debug, info, warn, error or off."),
    common<&C::log_file, Text>("common.log_file",
                               "File that the log is appended to; empty for standard error."),

    namenode<&N::port, Port>("namenode.port", "Port for clients and datanodes; 0 is any free one."),
    namenode<&N::http_port, HttpPortOrOff>(
        "namenode.http_port", "Port for HTTP: WebHDFS; 0 is any free one, off is none."),
    namenode<&N::data_dir, Text>("namenode.data_dir",
                                 "Directory of the namespace and its log; has no default."),
    namenode<&N::join, MemberList>(
        "namenode.join",
        "Namenodes, HOST:PORT, whose cluster a new directory joins; others are not concerned."),
    namenode<&N::advertise, Advertise>(
        "namenode.advertise",
        "HOST or HOST:PORT that others connect to; empty for the address listened on."),
    namenode<&N::leader_heartbeat, DurationFrom<1>>(
        "namenode.leader_heartbeat", "Time between two signs of life of the leading namenode."),
    namenode<&N::election_timeout, DurationFrom<10>>(
        "namenode.election_timeout",
        "A leading namenode is followed by another after a silence of this, up to twice as much."),
    namenode<&N::safe_mode_threshold, Fraction>(
        "namenode.safe_mode_threshold",
        "Part of all blocks that must have been reported before safe mode ends."),
    namenode<&N::orphan_grace, DurationFrom<1000>>(
        "namenode.orphan_grace",
        "How long a block that no file owns is kept before it is removed."),
    namenode<&N::stale_after, Duration>(
        "namenode.stale_after",
        "A datanode silent for so long is the last choice for reads and writes."),
    namenode<&N::dead_after, Duration>("namenode.dead_after",
                                       "A datanode silent for so long counts as lost."),
    namenode<&N::reserved_space, Size<0, kAnySize>>(
        "namenode.reserved_space", "Changes are refused while the disk has less than this free."),
    namenode<&N::snapshot_threshold, Number<16, 1'000'000>>(
        "namenode.snapshot_threshold", "The log is cut after so many entries, or 16 MiB."),
    namenode<&N::rack_table, Text>(
        "namenode.rack_table",
        "File with a line HOST RACK for each machine, for datanodes that name no rack."),
    namenode<&N::balance, Switch>("namenode.balance",
                                  "Whether blocks move from full datanodes to emptier ones."),
    namenode<&N::balance_threshold, Fraction>(
        "namenode.balance_threshold",
        "How far a datanode's used part may lie from the mean before blocks move."),

    datanode<&D::port, Port>("datanode.port", "Port for block data; 0 is any free one."),
    datanode<&D::http_port, HttpPortOrOff>(
        "datanode.http_port",
        "Port for HTTP of a datanode: WebHDFS; 0 is any free one, off is none."),
    datanode<&D::data_dir, PathList>("datanode.data_dir",
                                     "Directories for blocks, one for each disk; has no default."),
    datanode<&D::namenode, NamenodeList>(
        "datanode.namenode", "Where the namenodes listen, HOST:PORT; also MINIDFS_NAMENODE."),
    datanode<&D::rack, Rack>("datanode.rack", "The rack this machine stands in."),
    datanode<&D::advertise, Advertise>(
        "datanode.advertise",
        "HOST or HOST:PORT that others connect to; empty for the address listened on."),
    datanode<&D::capacity, Size<0, kAnySize>>(
        "datanode.capacity", "The most bytes to store; 0 for as much as the disks hold."),
    datanode<&D::sync, SyncMode>(
        "datanode.sync",
        "full: a block is on stable storage when its write is acknowledged; none: it may not be."),
    datanode<&D::write_cache, WriteCacheMode>(
        "datanode.write_cache",
        "direct: large blocks are written past the page cache; cached: through it; auto: as pays."),
    datanode<&D::reserved_space, Size<0, kAnySize>>("datanode.reserved_space",
                                                    "Left free on every disk."),
    datanode<&D::pack_limit, Size<0, 64 * kMiB>>("datanode.pack_limit",
                                                 "Blocks up to this size share large pack files."),
    datanode<&D::heartbeat_interval, Duration>("datanode.heartbeat_interval",
                                               "Time between two heartbeats to the namenode."),
    datanode<&D::threads, Number<1, 256>>("datanode.threads", "Threads that move block data."),
    datanode<&D::copy_rate, Size<0, kAnySize>>(
        "datanode.copy_rate",
        "The most bytes a second sent to other datanodes for repair; 0 for no bound."),
    datanode<&D::disk_check_interval, Duration>(
        "datanode.disk_check_interval",
        "Time between two looks whether each data directory still works."),
    datanode<&D::disk_timeout, Duration>(
        "datanode.disk_timeout",
        "A disk with work hangs after so long without progress: it gets no new blocks."),
    datanode<&D::scrub_rate, Size<0, kAnySize>>(
        "datanode.scrub_rate",
        "Bytes a second that are read to check stored blocks; 0 checks only on request."),
    datanode<&D::scrub_interval, Duration>(
        "datanode.scrub_interval", "Time from the begin of one check of all blocks to the next."),
    datanode<&D::keep_corrupt, Switch>(
        "datanode.keep_corrupt",
        "Keep copies of corrupt blocks, at most 1 GiB and 1000 for each disk, below corrupt/."),
    datanode<&D::progress_timeout, DurationFrom<kProgressMs>>(
        "datanode.progress_timeout",
        "The next node of a pipeline is dropped after so long without progress."),

    client<&F::namenode, NamenodeList>(
        "client.namenode", "Where the namenodes listen, HOST:PORT; also MINIDFS_NAMENODE."),
    client<&F::user, Text>(
        "client.user",
        "Name that requests are made in; empty for the Unix user; also MINIDFS_USER."),
    client<&F::replication, Count<std::uint8_t, 1, 255>>("client.replication",
                                                         "Copies of each block of a new file."),
    client<&F::block_size, Size<64 * 1024, kTiB>>("client.block_size",
                                                  "Size of the blocks of a new file."),
    client<&F::compression, CompressionName>(
        "client.compression", "Of new files: none, zstd, zstd:1 to zstd:19, or auto."),
    client<&F::connect_timeout, Duration>("client.connect_timeout",
                                          "Longest wait for a connection to one address."),
    client<&F::timeout, Duration>("client.timeout",
                                  "Longest wait for an answer, all retries together."),
    client<&F::stale, DurationOrZero>(
        "client.stale",
        "Reads may miss the changes of so long, and any namenode answers them; 0s is none."),
    client<&F::parallel_blocks, Number<1, 64>>(
        "client.parallel_blocks",
        "Blocks of one file written at a time; twice as many parts are read."),
    client<&F::parallel_batches, Number<1, 64>>("client.parallel_batches",
                                                "Batches of small files in flight at a time."),
    client<&F::batch_files, Number<1, 256>>("client.batch_files",
                                            "Small files that travel as one batch."),
    client<&F::small_file, Size<0, 64 * kMiB>>("client.small_file",
                                               "Files up to this size travel in batches."),
    client<&F::min_replication, Count<std::uint8_t, 1, 255>>(
        "client.min_replication", "A write with fewer live copies of a block fails."),
    client<&F::progress_timeout, DurationFrom<kProgressMs>>(
        "client.progress_timeout", "A datanode is left after so long without progress."),
    client<&F::disk_timeout, Duration>(
        "client.disk_timeout",
        "A datanode whose disk has work is left after so long without progress."),
    client<&F::hedge_after, DurationOrZero>(
        "client.hedge_after",
        "A read without a byte for so long is asked of another datanode as well; 0s is never."),

    gateway<&G::http_port, HttpPortOrOff>("gateway.http_port",
                                          "Port for HTTP of a gateway; 0 is any free one."),

    http<&H::listen, Host>("http.listen", "Address that a role listens on for HTTP."),
    http<&H::insecure, Switch>(
        "http.insecure",
        "Whether HTTP that other machines reach lets everybody in, as whoever he says he is."),
    http<&H::token_file, Text>(
        "http.token_file",
        "File of the tokens, TOKEN or USER:TOKEN a line, of which who asks by HTTP must show one."),
    http<&H::cors_origin, OriginList>(
        "http.cors_origin",
        "Other sites, such as https://example.com, whose pages may use HTTP here (CORS)."),
    http<&H::group, Text>("http.group", "The group of files that are made by HTTP."),
    http<&H::checksum_combine_mode, CombineModeName>(
        "http.checksum_combine_mode",
        "The kind of GETFILECHECKSUM's checksums, as in HDFS: MD5MD5CRC or COMPOSITE_CRC."),

    local<&L::namenodes, Number<1, 5>>("local.namenodes",
                                       "Namenodes of a cluster in one process: 1, 3 or 5."),
    local<&L::datanodes, Number<1, 64>>("local.datanodes",
                                        "Datanodes of a cluster in one process."),
    local<&L::datanode_http_port, HttpPortOrOff>(
        "local.datanode_http_port",
        "Port for HTTP of the first datanode, others follow; 0 is any free ones, off is none."),
    local<&L::data_dir, Text>("local.data_dir",
                              "Directory of a whole cluster in one process; has no default."),
};

// A short name; one may stand for several options.
std::string alias_of(std::string_view key) {
  if (key == "client.namenode" || key == "datanode.namenode") return "MINIDFS_NAMENODE";
  if (key == "client.user") return "MINIDFS_USER";
  return {};
}

Error unknown_variable(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& entry : kTable) {
    known.push_back(environment_name(entry));
    if (auto alias = alias_of(entry.key); !alias.empty()) known.push_back(std::move(alias));
  }
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  return {Errc::kInvalidArgument, "environment variable " + std::string(name) + ": no such option" +
                                      suggestion(name, candidates)};
}

Status apply_variable(Config& config, const Option& entry, std::string_view name,
                      std::string_view value) {
  if (auto parsed = entry.parse(config, value); !parsed.ok()) {
    return Error{Errc::kInvalidArgument,
                 "environment variable " + std::string(name) + ": " + parsed.error().message};
  }
  return {};
}

}  // namespace

std::span<const Option> option_table() { return kTable; }

const Option* find_option(std::string_view key) {
  const auto* entry = std::find_if(kTable.begin(), kTable.end(),
                                   [&](const Option& candidate) { return candidate.key == key; });
  return entry == kTable.end() ? nullptr : entry;
}

std::string environment_name(const Option& entry) {
  std::string name = "MINIDFS_";
  for (const char c : entry.key) {
    name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

Status apply_environment(Config& config, const std::vector<std::string>& environment) {
  constexpr std::string_view kPrefix = "MINIDFS_";
  // First the short names, so that the full name of the same option beats them.
  for (const bool short_names : {true, false}) {
    for (const std::string_view variable : environment) {
      if (variable.substr(0, kPrefix.size()) != kPrefix) continue;
      const auto equals = variable.find('=');
      if (equals == std::string_view::npos) continue;
      const auto name = variable.substr(0, equals);
      const auto value = variable.substr(equals + 1);
      bool known = false;
      for (const auto& entry : kTable) {
        const bool is_alias = name == alias_of(entry.key);
        const bool is_full = name == environment_name(entry);
        known = known || is_alias || is_full;
        if (short_names ? is_alias : is_full) {
          MDFS_CHECK(apply_variable(config, entry, name, value));
        }
      }
      if (!known) return unknown_variable(name);
    }
  }
  return {};
}

Result<Config> load_config(const ConfigSources& sources) {
  Config config;
  if (!sources.file.empty()) MDFS_CHECK(apply_config_file(config, sources.file));
  MDFS_CHECK(apply_environment(config, sources.environment));
  for (const auto& setting : sources.flags) {
    const auto* entry = find_option(setting.key);
    MDFS_ASSERT(entry != nullptr);
    if (auto parsed = entry->parse(config, setting.value); !parsed.ok()) {
      return Error{Errc::kInvalidArgument, setting.flag + ": " + parsed.error().message};
    }
  }
  MDFS_CHECK(check_config(config));
  return config;
}

std::string print_config(const Config& config) {
  std::string text =
      "# All options of minidfs with their defaults. The environment variable MINIDFS_SECTION_KEY\n"
      "# beats this file, and a flag beats both.\n";
  std::string_view section;
  for (const auto& entry : kTable) {
    if (entry.section() != section) {
      section = entry.section();
      text += "\n[" + std::string(section) + "]\n";
    }
    text += "# " + std::string(entry.help) + "\n";
    text += std::string(entry.name()) + " = " + entry.print(config) + "\n";
  }
  return text;
}

}  // namespace minidfs
