// The values that can be configured, their defaults, and the one table of options that drives the
// file, the environment, the flags and the output of `minidfs config`.
//
// A flag beats the environment, the environment beats the file, the file beats the default.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace minidfs {

// Where a role serves HTTP.
struct HttpPort {
  std::uint16_t port = 0;  // 0: any free one.
  bool open = true;
  // Somebody has asked for it: that it cannot be had is then an error.
  bool wanted = false;
};

struct CommonConfig {
  std::string listen = "127.0.0.1";
  std::string secret_file;  // Empty: none.
  bool insecure = false;
  std::string log_level = "info";
  std::string log_file;  // Empty: standard error.
};

struct NamenodeConfig {
  std::uint16_t port = 8020;
  HttpPort http_port{9870};
  std::string data_dir;           // Empty: must be given.
  std::vector<std::string> join;  // Empty: a new directory becomes a cluster of its own.
  std::string advertise;          // Empty: the address it listens on.
  std::chrono::milliseconds leader_heartbeat{50};
  std::chrono::milliseconds election_timeout{250};  // At least; at most twice that.
  double safe_mode_threshold = 0.999;
  std::chrono::milliseconds orphan_grace{600'000};
  std::chrono::milliseconds stale_after{3000};
  std::chrono::milliseconds dead_after{10'000};
  std::uint64_t reserved_space = 64ULL << 20;
  std::uint32_t snapshot_threshold = 32768;
  std::string rack_table;
  bool balance = true;
  double balance_threshold = 0.05;
};

struct DatanodeConfig {
  std::uint16_t port = 9866;
  HttpPort http_port{9864};
  std::vector<std::string> data_dir;  // Empty: must be given.
  std::vector<std::string> namenode{"127.0.0.1:8020"};
  std::string rack = "/default-rack";
  std::string advertise;       // Empty: the address it listens on.
  std::uint64_t capacity = 0;  // 0: as large as the disks.
  std::string sync = "full";
  std::string write_cache = "auto";
  std::uint64_t reserved_space = 256ULL << 20;
  std::uint64_t pack_limit = 1ULL << 20;
  std::chrono::milliseconds heartbeat_interval{1000};
  std::uint32_t threads = 2;
  std::uint64_t copy_rate = 0;
  std::chrono::milliseconds disk_check_interval{3000};
  std::chrono::milliseconds disk_timeout{10'000};
  std::uint64_t scrub_rate = 8ULL << 20;  // 0: only on request.
  std::chrono::milliseconds scrub_interval{7 * 24 * 3'600'000LL};
  bool keep_corrupt = false;
  std::chrono::milliseconds progress_timeout{5000};
};

struct ClientConfig {
  std::vector<std::string> namenode{"127.0.0.1:8020"};
  std::string user;  // Empty: the Unix user.
  std::uint8_t replication = 3;
  std::uint64_t block_size = 64ULL << 20;
  std::string compression = "none";
  std::chrono::milliseconds connect_timeout{2000};
  std::chrono::milliseconds timeout{10'000};
  std::chrono::milliseconds stale{0};  // 0: reads see all changes.
  std::uint32_t parallel_blocks = 2;
  std::uint32_t parallel_batches = 4;
  std::uint32_t batch_files = 256;
  std::uint64_t small_file = 1ULL << 20;
  std::uint8_t min_replication = 1;
  std::chrono::milliseconds progress_timeout{5000};
  std::chrono::milliseconds disk_timeout{10'000};
  std::chrono::milliseconds hedge_after{500};  // 0: never.
};

// Serves HTTP for a cluster elsewhere; finds it as a client does.
struct GatewayConfig {
  HttpPort http_port{9870};
};

// How a role serves HTTP.
struct HttpConfig {
  std::string listen = "127.0.0.1";
  bool insecure = false;                 // Everybody who reaches it is let in, and is who he says.
  std::string token_file;                // Who asks must show one of these; empty: nobody must.
  std::vector<std::string> cors_origin;  // Sites whose pages may use it.
  std::string group = "supergroup";      // Of files that are made by HTTP.
  // HDFS's dfs.checksum.combine.mode.
  std::string checksum_combine_mode = "MD5MD5CRC";
};

struct LocalConfig {
  std::uint32_t namenodes = 1;
  std::uint32_t datanodes = 3;
  HttpPort datanode_http_port{0, false};  // Of the first datanode; the others have those after it.
  std::string data_dir;                   // Empty: must be given.
};

struct Config {
  CommonConfig common;
  NamenodeConfig namenode;
  DatanodeConfig datanode;
  ClientConfig client;
  GatewayConfig gateway;
  HttpConfig http;
  LocalConfig local;
};

// What a value may be written as in the file, beside a string.
enum class TomlKind : std::uint8_t {
  kString,
  kInteger,
  kFloat,
  kBoolean,
  kStringOrInteger,
  kStringOrArray,
};

struct Option {
  std::string_view key;   // "section.name".
  std::string_view help;  // One line, a full sentence.
  TomlKind toml = TomlKind::kString;
  // Sets the value from text; the error tells only what is wrong with the text.
  Status (*parse)(Config& config, std::string_view text) = nullptr;
  // The value as it stands in the file: quoted, a number or an array.
  std::string (*print)(const Config& config) = nullptr;

  std::string_view section() const { return key.substr(0, key.find('.')); }
  std::string_view name() const { return key.substr(key.find('.') + 1); }
};

// In the order of the file.
std::span<const Option> option_table();
const Option* find_option(std::string_view key);

// "MINIDFS_SECTION_KEY" of an option.
std::string environment_name(const Option& option);

// One value given by a flag.
struct FlagSetting {
  std::string flag;  // As the user wrote it, for errors: "--port".
  std::string key;   // REQUIRES: in the table.
  std::string value;
};

struct ConfigSources {
  std::string file;                      // Empty: none.
  std::vector<std::string> environment;  // "NAME=VALUE".
  std::vector<FlagSetting> flags;        // A later one beats an earlier one.
};

// Defaults, overlaid by what the sources give. Every error names the source (file and line,
// variable or flag), the option and the value.
Result<Config> load_config(const ConfigSources& sources);

// The steps of load_config().
Status apply_config_file(Config& config, const std::string& path);
Status apply_environment(Config& config, const std::vector<std::string>& environment);
Status check_config(const Config& config);

// The file with all options, their explanations and values; of Config{} it is config/minidfs.toml.
std::string print_config(const Config& config);

}  // namespace minidfs
