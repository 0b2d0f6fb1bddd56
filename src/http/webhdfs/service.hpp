// What the operations of WebHDFS have in common: the cluster, and one call.
#pragma once

#include "client/async/async_names.hpp"
// The above comes first: see net/asio.hpp.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/client_context.hpp"
#include "http/access/access.hpp"
#include "http/exchange.hpp"
#include "http/webhdfs/json.hpp"
#include "http/webhdfs/parameters.hpp"
#include "http/webhdfs/remote_exception.hpp"

namespace minidfs::http::webhdfs {

inline constexpr char kPrefix[] = "/webhdfs/v1";

// One request. The exchange and the context outlive it.
struct Call {
  Exchange& exchange;
  client::ClientContext& context;
  Parameters parameters;
  std::string operation;  // In upper case.
  std::string path;       // Of the namespace.
  std::string user;
  const access::Access& access;  // Outlives it as well.
};

// One that answers itself, piece by piece, has responded when it returns nothing.
using Answer = std::optional<Response>;
using Operation = asio::awaitable<Answer> (*)(Call&);

inline Response failed(const Error& error) { return exception_response(remote_exception(error)); }
inline Response failed(Exception exception, std::string message) {
  return exception_response({exception, std::move(message)});
}
// Of what only looks: below a file there is nothing, as for HDFS's superuser. `missing` is what
// HDFS says of a path that does not exist.
Response failed_to_look(const Error& error, std::string missing);

// --- Two steps (two_steps.cpp).

bool is_second_step(const Call& call);
// HOST:PORT, as the first step has named it.
std::string second_step_at(const Call& call);
// Where the second is to be asked, as a redirect or, with noredirect, in words: of a datanode, one
// of `holders` unless that is null.
asio::awaitable<Answer> first_step(const Call& call, const std::vector<NodeId>* holders = nullptr);
// Of a datanode that has the block with the byte at `offset`. `file`: a page that begins with that.
asio::awaitable<Answer> first_step_at_block(const Call& call, const actors::LocatedFile& file,
                                            std::uint64_t offset);

// HDFS's words for a path that is not there.
inline std::string does_not_exist(const Call& call) { return "File does not exist: " + call.path; }

// A byte, in the namespace.
inline constexpr std::int64_t kReplicationMax = 255;

// --- The operations, by what they do (docs/webhdfs.md has the table). Null: there is none of that
// name.

struct Named {
  std::string_view name;
  Operation operation;
};
Operation find(std::span<const Named> operations, std::string_view name);
Operation find_look(std::string_view name);              // look_operations.cpp
Operation find_change(std::string_view name);            // change_operations.cpp
Operation find_data(std::string_view name);              // data_operations.cpp
asio::awaitable<Answer> checksum_operation(Call& call);  // checksum_operation.cpp

}  // namespace minidfs::http::webhdfs
