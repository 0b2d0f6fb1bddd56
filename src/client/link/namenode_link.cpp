#include "client/link/namenode_link.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <future>

#include "actors/additions.hpp"
#include "actors/system_config.hpp"
#include "base/random_id.hpp"
#include "client/link/link_actor.hpp"
#include "client/link/link_operation.hpp"

namespace minidfs::client {

namespace {

struct LinkSystemConfig : actors::ControlSystemConfig {
  LinkSystemConfig() {
    actors::add_message_types(*this);
    actors::add_added_types(*this);
  }
};

// An actor of another system of this process may answer it: that system's threads would run an
// actor that has none of its own, and may be gone before this one's.
caf::actor spawn_link(caf::actor_system& system, const LinkOptions& options, std::uint32_t seed,
                      const std::shared_ptr<KnownCluster>& cluster) {
  if (options.local) return system.spawn<caf::detached>(link_behavior, options, seed, cluster);
  return system.spawn(link_behavior, options, seed, cluster);
}

}  // namespace

struct NamenodeLink::Impl {
  explicit Impl(LinkOptions link_options)
      : options(std::move(link_options)),
        client(random_id<ClientId>()),
        cluster(std::make_shared<KnownCluster>()),
        system(config),
        link(spawn_link(system, options, static_cast<std::uint32_t>(client.low), cluster)) {}
  ~Impl() {
    stop_link(link);
    // Callbacks may submit until then; what they do is dropped.
    system.await_all_actors_done();
  }

  LinkOptions options;
  ClientId client;
  std::shared_ptr<KnownCluster> cluster;
  LinkSystemConfig config;
  caf::actor_system system;  // Its destructor waits for the actors.
  caf::actor link;
};

NamenodeLink::NamenodeLink(LinkOptions options) {
  MDFS_ASSERT(!options.namenodes.empty());
  impl_ = std::make_unique<Impl>(std::move(options));
}

NamenodeLink::~NamenodeLink() = default;

template <class Request>
void NamenodeLink::submit(Request request, Callback<Request> callback,
                          std::chrono::milliseconds timeout) {
  if (timeout.count() == 0) timeout = impl_->options.timeout;
  caf::anon_send(impl_->link, SubmitOperation{std::make_shared<LinkOperationOf<Request>>(
                                  std::move(request), std::move(callback), timeout)});
}

template <class Request>
Result<NamenodeLink::Reply<Request>> NamenodeLink::call(Request request,
                                                        std::chrono::milliseconds timeout) {
  // Shared, because the callback may still be inside set_value when the caller has the result.
  auto promise = std::make_shared<std::promise<Result<Reply<Request>>>>();
  auto answer = promise->get_future();
  submit<Request>(
      std::move(request),
      [promise](Result<Reply<Request>> reply) { promise->set_value(std::move(reply)); }, timeout);
  return answer.get();
}

#define MDFS_LINK_REQUEST(type)                                                \
  template void NamenodeLink::submit<type>(type, NamenodeLink::Callback<type>, \
                                           std::chrono::milliseconds);         \
  template Result<NamenodeLink::Reply<type>> NamenodeLink::call<type>(type,    \
                                                                      std::chrono::milliseconds);
MDFS_LINK_REQUEST(actors::StatRequest)
MDFS_LINK_REQUEST(actors::ListRequest)
MDFS_LINK_REQUEST(actors::LocateRequest)
MDFS_LINK_REQUEST(actors::LocateDirectoryRequest)
MDFS_LINK_REQUEST(metadata::MakeDirectory)
MDFS_LINK_REQUEST(metadata::Rename)
MDFS_LINK_REQUEST(metadata::Remove)
MDFS_LINK_REQUEST(metadata::SetReplication)
MDFS_LINK_REQUEST(metadata::SetAttributes)
MDFS_LINK_REQUEST(metadata::SetOwner)
MDFS_LINK_REQUEST(metadata::ConcatFiles)
MDFS_LINK_REQUEST(metadata::RenameExactly)
MDFS_LINK_REQUEST(actors::AllocateBlocks)
MDFS_LINK_REQUEST(actors::CommitWrite)
MDFS_LINK_REQUEST(actors::StageWrite)
MDFS_LINK_REQUEST(actors::AppendWrite)
MDFS_LINK_REQUEST(actors::RenewSession)
MDFS_LINK_REQUEST(actors::EndSession)
MDFS_LINK_REQUEST(actors::StatusRequest)
MDFS_LINK_REQUEST(actors::HttpNodesRequest)
MDFS_LINK_REQUEST(actors::SafeModeRequest)
MDFS_LINK_REQUEST(actors::DecideNode)
MDFS_LINK_REQUEST(actors::BalanceRequest)
MDFS_LINK_REQUEST(actors::CopiesRequest)
MDFS_LINK_REQUEST(actors::CheckBlocksRequest)
MDFS_LINK_REQUEST(actors::ScrubRequest)
MDFS_LINK_REQUEST(actors::BackupRequest)
MDFS_LINK_REQUEST(actors::QuorumRequest)
MDFS_LINK_REQUEST(actors::TransferLeadership)
MDFS_LINK_REQUEST(actors::RemoveNamenode)
MDFS_LINK_REQUEST(actors::MarkForDigests)
#undef MDFS_LINK_REQUEST

void NamenodeLink::run_after(std::chrono::milliseconds delay, std::function<void()> task) {
  caf::delayed_anon_send(impl_->link, delay, RunTask{std::move(task)});
}

ClientId NamenodeLink::client_id() const { return impl_->client; }
const LinkOptions& NamenodeLink::options() const { return impl_->options; }

Result<ClusterId> NamenodeLink::cluster() {
  if (impl_->cluster->get().is_none()) MDFS_CHECK(call(actors::StatusRequest{}));
  return impl_->cluster->get();
}

}  // namespace minidfs::client
