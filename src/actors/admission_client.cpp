#include "actors/admission.hpp"
#include "actors/admission_proof.hpp"
#include "actors/tcp.hpp"
#include "base/units.hpp"
#include "net/dial.hpp"

namespace minidfs::actors {
namespace {

// What the listening side decides, after this side's proof if it asks for that.
Result<Reply> decided(const UniqueFd& fd, DialerProof& proof, Deadline deadline,
                      const std::atomic<bool>* cancelled) {
  for (;;) {
    ReplyFrame frame;
    MDFS_CHECK(receive_all(fd.get(), frame, deadline, cancelled));
    MDFS_TRY(auto next, proof.on_reply(frame));
    if (!next.answer) return std::move(next.reply);
    MDFS_CHECK(send_all(fd.get(), *next.answer, deadline, cancelled));
    MDFS_CHECK(next.belief);
  }
}

// Connects and exchanges hello and reply. Errors lack the address.
Result<DialedConnection> dial(const std::string& host, std::uint16_t port,
                              const DialOptions& options) {
  const auto deadline = std::chrono::steady_clock::now() + options.timeout;
  MDFS_TRY(auto fd, net::dial({host, port}, deadline, options.cancelled));
  tune_control_socket(fd.get());
  DialerProof proof(options.credentials);
  Hello who{options.role, options.cluster, options.process};
  who.member = options.member;
  who.wanted = options.wanted;
  who.versions = options.versions;
  MDFS_TRY(const auto hello, proof.begin(who));
  MDFS_CHECK(send_all(fd.get(), hello, deadline, options.cancelled));
  MDFS_TRY(const auto reply, decided(fd, proof, deadline, options.cancelled));
  if (!reply.accepted) return Error{reply.code, reply.text};
  if (!options.cluster.is_none() && reply.cluster != options.cluster) {
    return Error{Errc::kWrongCluster, "belongs to cluster " + to_string(reply.cluster) +
                                          ", but cluster " + to_string(options.cluster) +
                                          " is wanted"};
  }
  // One of before there were versions accepts whoever comes.
  MDFS_TRY(const auto version, common_version(reply.versions, options.versions));
  return DialedConnection{std::move(fd), reply.cluster, reply.process, version,
                          reply.versions.newest};
}

}  // namespace

Result<DialedConnection> dial_control(const std::string& host, std::uint16_t port,
                                      const DialOptions& options) {
  auto dialed = dial(host, port, options);
  if (dialed.ok()) return dialed;
  auto error = std::move(dialed).error();
  const auto where = format_host_port(host, port);
  if (error.code == Errc::kTimedOut) {
    error.message = "no answer within " + std::to_string(options.timeout.count()) + " ms";
  }
  if (!error.message.starts_with(where)) error.message = where + ": " + error.message;
  return error;
}

Status confirm_control(const DialedConnection& connection, Confirmation confirmation) {
  // Eight bytes into the empty buffer of a fresh socket never wait.
  return send_all(connection.fd.get(), encode_confirmation(confirmation),
                  std::chrono::steady_clock::now() + std::chrono::seconds(1));
}

}  // namespace minidfs::actors
