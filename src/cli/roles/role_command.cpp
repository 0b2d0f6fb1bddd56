#include "cli/roles/role_command.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/suggest.hpp"

namespace minidfs::cli {
namespace {

constexpr Flag kRole{"role", 0, "ROLE", "namenode, datanode, gateway or local", ""};
constexpr Flag kSync{"sync", 0, "MODE",
                     "full (default): blocks are on disk when acknowledged; none: maybe not",
                     "datanode.sync"};
constexpr Flag kCapacity{"capacity", 0, "SIZE",
                         "The most to store, such as 500G (default: the disks)",
                         "datanode.capacity"};

constexpr Flag kNamenodeHttp{"http-port", 0, "PORT",
                             "Port for HTTP (default 9870); 0 is any free one, off is none",
                             "namenode.http_port"};
constexpr Flag kHttpListen{"http-listen", 0, "ADDR",
                           "Address to listen on for HTTP (default 127.0.0.1)", "http.listen"};
constexpr Flag kHttpInsecure{"http-insecure", 0, "", "Let everybody in who reaches HTTP",
                             "http.insecure"};
constexpr Flag kHttpTokenFile{"http-token-file", 0, "FILE",
                              "Let those in over HTTP who show a token of this file",
                              "http.token_file"};
constexpr Flag kHttpCorsOrigin{"http-cors-origin", 0, "ORIGIN[,...]",
                               "Sites whose pages may use HTTP here", "http.cors_origin"};
constexpr Flag kHttpCombineMode{"http-checksum-combine-mode", 0, "MODE",
                                "GETFILECHECKSUM's: MD5MD5CRC (default) or COMPOSITE_CRC",
                                "http.checksum_combine_mode"};

// Taken by every role, after its own.
constexpr std::array kCommonFlags{
    Flag{"listen", 0, "ADDR", "Address to listen on (default 127.0.0.1)", "common.listen"},
    Flag{"secret-file", 0, "FILE",
         "The cluster's secret, needed where other machines reach the role", "common.secret_file"},
    Flag{"insecure", 0, "", "Let everybody in who reaches the role", "common.insecure"},
    Flag{"config", 0, "FILE", "Read options from a TOML file", ""},
    Flag{"log-level", 0, "LEVEL", "debug, info, warn, error or off", "common.log_level"},
    Flag{"log-file", 0, "FILE", "Append the log to a file, not to standard error",
         "common.log_file"},
    Flag{"version", 0, "", "Print the version", ""},
    Flag{"help", 'h', "", "Show this help", ""},
};

template <std::size_t kCount>
constexpr auto with_common_flags(const std::array<Flag, kCount>& own) {
  std::array<Flag, 1 + kCount + kCommonFlags.size()> flags{kRole};
  std::copy(kCommonFlags.begin(), kCommonFlags.end(),
            std::copy(own.begin(), own.end(), flags.begin() + 1));
  return flags;
}

constexpr auto kNamenodeFlags = with_common_flags(std::array{
    Flag{"data-dir", 0, "DIR", "Directory of the namespace and its log (must be given)",
         "namenode.data_dir"},
    Flag{"port", 0, "PORT", "Port for clients and datanodes (default 8020)", "namenode.port"},
    Flag{"join", 0, "HOST[:PORT][,...]", "With a new directory: namenodes whose cluster to join",
         "namenode.join"},
    Flag{"advertise", 0, "HOST[:PORT]", "What clients, datanodes and namenodes connect to",
         "namenode.advertise"},
    kNamenodeHttp,
    kHttpListen,
    kHttpInsecure,
    kHttpTokenFile,
    kHttpCorsOrigin,
    kHttpCombineMode,
});

constexpr auto kGatewayFlags = with_common_flags(std::array{
    Flag{"namenode", 0, "HOST:PORT[,...]", "Where the namenodes listen (default 127.0.0.1:8020)",
         "client.namenode"},
    Flag{"http-port", 0, "PORT", "Port for HTTP (default 9870); 0 is any free one",
         "gateway.http_port"},
    kHttpListen,
    kHttpInsecure,
    kHttpTokenFile,
    kHttpCorsOrigin,
    kHttpCombineMode,
});

constexpr auto kDatanodeFlags = with_common_flags(std::array{
    Flag{"data-dir", 0, "DIR[,DIR...]", "Directories for blocks, one for each disk (must be given)",
         "datanode.data_dir"},
    Flag{"port", 0, "PORT", "Port for block data (default 9866)", "datanode.port"},
    Flag{"namenode", 0, "HOST:PORT[,...]", "Where the namenodes listen (default 127.0.0.1:8020)",
         "datanode.namenode"},
    Flag{"http-port", 0, "PORT", "Port for HTTP (default 9864); 0 is any free one, off is none",
         "datanode.http_port"},
    kHttpListen,
    kHttpInsecure,
    kHttpTokenFile,
    kHttpCorsOrigin,
    kHttpCombineMode,
    Flag{"rack", 0, "/RACK", "The rack this machine stands in", "datanode.rack"},
    Flag{"advertise", 0, "HOST[:PORT]", "What clients and other nodes connect to",
         "datanode.advertise"},
    Flag{"keep-corrupt", 0, "", "Keep copies of corrupt blocks below corrupt/ of their disk",
         "datanode.keep_corrupt"},
    kCapacity,
    kSync,
});

constexpr auto kLocalFlags = with_common_flags(std::array{
    Flag{"data-dir", 0, "DIR", "Directory of the whole cluster (must be given)", "local.data_dir"},
    Flag{"namenodes", 0, "N", "How many namenodes: 1 (the default), 3 or 5", "local.namenodes"},
    Flag{"datanodes", 0, "N", "How many datanodes (default 3)", "local.datanodes"},
    Flag{"port", 0, "PORT", "Port of the namenode (default 8020)", "namenode.port"},
    kNamenodeHttp,
    Flag{"datanode-http-port", 0, "PORT",
         "The first HTTP port of the datanodes, or 0 for any free ones (default off)",
         "local.datanode_http_port"},
    kHttpListen,
    kHttpInsecure,
    kHttpTokenFile,
    kHttpCorsOrigin,
    kHttpCombineMode,
    kCapacity,
    kSync,
});

constexpr std::array kRoles{
    RoleEntry{Role::kNamenode, "namenode", "Keep the namespace and look after the datanodes",
              "minidfs --role=namenode --data-dir=/srv/nn", kNamenodeFlags},
    RoleEntry{Role::kDatanode, "datanode", "Store blocks",
              "minidfs --role=datanode --port=9866 --data-dir=/srv/d1,/srv/d2", kDatanodeFlags},
    RoleEntry{Role::kGateway, "gateway", "Serve HTTP for a cluster elsewhere",
              "minidfs --role=gateway --namenode=h1:8020,h2:8020 --http-port=9870", kGatewayFlags},
    RoleEntry{Role::kLocal, "local", "A whole cluster in one process, to try it out",
              "minidfs --role=local --datanodes=3 --data-dir=/tmp/minidfs", kLocalFlags},
};

}  // namespace

std::span<const RoleEntry> role_table() { return kRoles; }

Result<const RoleEntry*> find_role(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& entry : kRoles) {
    if (entry.name == name) return &entry;
    names.push_back(entry.name);
  }
  return Error{Errc::kInvalidArgument, "unknown role '" + std::string(name) +
                                           "': namenode, datanode, gateway or local" +
                                           suggestion(name, names)};
}

namespace {

// The parts of a local cluster listen on the port of their role and those after it.
Status check_local_ports(const std::string& key, std::uint32_t first, const std::string& parts,
                         std::uint32_t count) {
  constexpr std::uint32_t kPortMax = 65535;
  if (first == 0 || first + count - 1 <= kPortMax) return {};
  return Error{Errc::kInvalidArgument, key + " (" + std::to_string(first) + ") and local." + parts +
                                           " (" + std::to_string(count) +
                                           "): their ports would go beyond " +
                                           std::to_string(kPortMax)};
}

Status check_local(const Config& config) {
  if (config.local.namenodes % 2 == 0) {
    return Error{Errc::kInvalidArgument,
                 "local.namenodes (" + std::to_string(config.local.namenodes) +
                     "): an even number bears no more failures than one less; 1, 3 or 5"};
  }
  const auto datanodes = config.local.datanodes;
  MDFS_CHECK(check_local_ports("namenode.port", config.namenode.port, "namenodes",
                               config.local.namenodes));
  MDFS_CHECK(check_local_ports("datanode.port", config.datanode.port, "datanodes", datanodes));
  return check_local_ports("local.datanode_http_port", config.local.datanode_http_port.port,
                           "datanodes", datanodes);
}

}  // namespace

Status check_role_config(Role role, const Config& config) {
  const auto missing = [](std::string_view name, std::string_view key) {
    return Error{Errc::kInvalidArgument, "--role=" + std::string(name) + " needs --data-dir (or " +
                                             std::string(key) + " in the configuration)"};
  };
  switch (role) {
    case Role::kNamenode:
      if (config.namenode.data_dir.empty()) return missing("namenode", "namenode.data_dir");
      break;
    case Role::kDatanode:
      if (config.datanode.data_dir.empty()) return missing("datanode", "datanode.data_dir");
      break;
    case Role::kGateway:
      if (config.gateway.http_port.open) break;
      return Error{Errc::kInvalidArgument,
                   "--role=gateway serves HTTP alone: its port cannot be off"};
    case Role::kLocal:
      if (config.local.data_dir.empty()) return missing("local", "local.data_dir");
      return check_local(config);
  }
  return {};
}

}  // namespace minidfs::cli
