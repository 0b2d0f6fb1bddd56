// The client's link to the namenode that leads. Finds it from any address of any namenode, follows
// when another one leads, connects again when it restarts, and repeats what may be repeated until a
// request's time-out; while none leads requests wait. Changes are numbered here, so that one that
// is asked twice is done once; when that cannot be known any more (the namenode remembers a client
// for ten minutes) it ends with kExpired, and may have been done.
//
// Thread-safe. Callbacks run on the link's only thread: they must not block, but may submit.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "actors/messages.hpp"
#include "auth/credentials.hpp"
#include "base/result.hpp"
#include "metadata/changes.hpp"
#include "metadata/types.hpp"

namespace minidfs::client {

struct LocalNamenode;

// Which reply belongs to a request.
template <class Request>
struct ReplyOf {
  using type = metadata::ChangeReply;
};
template <>
struct ReplyOf<actors::ClientIdRequest> {
  using type = actors::ClientIdReply;
};
template <>
struct ReplyOf<actors::StatRequest> {
  using type = metadata::FileStatus;
};
template <>
struct ReplyOf<actors::ListRequest> {
  using type = actors::ListReply;
};
template <>
struct ReplyOf<actors::LocateRequest> {
  using type = actors::LocatedFile;
};
template <>
struct ReplyOf<actors::LocateDirectoryRequest> {
  using type = actors::LocateDirectoryReply;
};
template <>
struct ReplyOf<actors::AllocateBlocks> {
  using type = actors::WriteGrant;
};
template <>
struct ReplyOf<actors::RenewSession> {
  using type = actors::Accepted;
};
template <>
struct ReplyOf<actors::EndSession> {
  using type = actors::Accepted;
};
template <>
struct ReplyOf<actors::StatusRequest> {
  using type = actors::StatusReply;
};
template <>
struct ReplyOf<actors::HttpNodesRequest> {
  using type = actors::HttpNodesReply;
};
template <>
struct ReplyOf<actors::SafeModeRequest> {
  using type = actors::SafeModeReply;
};

template <>
struct ReplyOf<actors::BalanceRequest> {
  using type = actors::BalanceReply;
};
template <>
struct ReplyOf<actors::CopiesRequest> {
  using type = actors::CopiesReply;
};
template <>
struct ReplyOf<actors::CheckBlocksRequest> {
  using type = actors::CheckBlocksReply;
};
template <>
struct ReplyOf<actors::ScrubRequest> {
  using type = actors::ScrubReply;
};
template <>
struct ReplyOf<actors::BackupRequest> {
  using type = actors::BackupReply;
};

template <>
struct ReplyOf<actors::QuorumRequest> {
  using type = actors::QuorumReply;
};
template <>
struct ReplyOf<actors::TransferLeadership> {
  using type = actors::Accepted;
};
template <>
struct ReplyOf<actors::RemoveNamenode> {
  using type = actors::Accepted;
};
template <>
struct ReplyOf<actors::MarkForDigests> {
  using type = actors::MarkedForDigests;
};

struct LinkOptions {
  std::vector<metadata::Endpoint> namenodes;  // At least one; the others are learnt.
  std::chrono::milliseconds connect_timeout{2000};
  std::chrono::milliseconds timeout{10000};  // Of a request with all its retries.
  // Reads may lack what was answered to others so lately, and then any namenode may answer them; 0:
  // they lack nothing.
  std::chrono::milliseconds stale{0};
  auth::CredentialsPtr credentials{};  // Of both planes; null: the cluster has no secret.
  // Those of this process: see client/local_namenode.hpp. Null: none.
  std::shared_ptr<const std::vector<LocalNamenode>> local{};
};

class NamenodeLink {
 public:
  template <class Request>
  using Reply = typename ReplyOf<Request>::type;
  template <class Request>
  using Callback = std::function<void(Result<Reply<Request>>)>;

  // Starts to connect at once, in the background. REQUIRES: at least one address.
  explicit NamenodeLink(LinkOptions options);
  // Requests without an answer end with kCancelled.
  ~NamenodeLink();
  NamenodeLink(const NamenodeLink&) = delete;
  NamenodeLink& operator=(const NamenodeLink&) = delete;

  // The request types are those of ReplyOf, CommitWrite, StageWrite, AppendWrite and the single
  // changes. A
  // time-out of zero is that of the options. The RequestId of a change is filled in here.
  template <class Request>
  void submit(Request request, Callback<Request> callback,
              std::chrono::milliseconds timeout = std::chrono::milliseconds{0});

  // Submits and waits. Not to be used in a callback.
  template <class Request>
  Result<Reply<Request>> call(Request request,
                              std::chrono::milliseconds timeout = std::chrono::milliseconds{0});

  // Runs `task` on the link's thread later; dropped when the link ends before.
  void run_after(std::chrono::milliseconds delay, std::function<void()> task);

  // Who this client is in its write sessions. Its changes are numbered under an id of their own.
  ClientId client_id() const;
  const LinkOptions& options() const;

  // The cluster that the namenode belongs to; connects when that has not been done yet.
  Result<ClusterId> cluster();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace minidfs::client
