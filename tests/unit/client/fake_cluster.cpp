#include "unit/client/fake_cluster.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <catch2/catch.hpp>

#include "actors/control_plane.hpp"
#include "actors/interface_2.hpp"
#include "actors/interfaces.hpp"
#include "actors/system_config.hpp"
#include "base/codec.hpp"
#include "base/random_id.hpp"
#include "metadata/namespace_staging.hpp"

namespace minidfs::client {
namespace {

// What one of the namenodes serves.
struct NamesPtr {
  std::shared_ptr<FakeNamespace> names;
  metadata::QuorumId self = 0;

  FakeNamespace* operator->() const { return names.get(); }
  FakeNamespace& operator*() const { return *names; }
};

metadata::QuorumView view_of(const NamesPtr& names) {
  auto view = names->quorum;
  view.self = names.self;
  return view;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// Counts the request, and gives the error by which a test wants it answered.
std::optional<Error> note(FakeNamespace& names, const std::string& kind) {
  ++names.requests[kind];
  return names.failure ? names.failure(kind) : std::nullopt;
}

metadata::FileStatus directory_status(const std::string& path) {
  metadata::FileStatus status;
  status.name = name_of(path);
  status.kind = metadata::FileKind::kDirectory;
  return status;
}

Result<actors::LocatedFile> find(const FakeNamespace& names, const std::string& path) {
  if (names.directories.contains(path)) return actors::LocatedFile{directory_status(path), {}};
  const auto found = names.files.find(path);
  if (found == names.files.end()) return Error{Errc::kNotFound, path + ": not found"};
  return found->second;
}

// A page of its blocks, as the namenode cuts them.
Result<actors::LocatedFile> locate(const FakeNamespace& names,
                                   const actors::LocateRequest& request) {
  MDFS_TRY(auto located, find(names, request.path));
  auto& blocks = located.blocks;
  std::erase_if(blocks, [&](const auto& block) {
    return block.offset + block.block.length <= request.offset;
  });
  located.more = blocks.size() > names.blocks_page;
  if (located.more) blocks.resize(names.blocks_page);
  return located;
}

// The entries of a directory behind `start_after`, and whether there are more than a page.
std::pair<std::vector<actors::LocatedFile>, bool> page_of(const FakeNamespace& names,
                                                          const std::string& path,
                                                          const std::string& start_after) {
  std::map<std::string, actors::LocatedFile> entries;
  for (const auto& directory : names.directories) {
    if (directory != "/" && parent_of(directory) == path) {
      entries[name_of(directory)] = {directory_status(directory), {}};
    }
  }
  for (const auto& [file, located] : names.files) {
    if (parent_of(file) == path) entries[name_of(file)] = located;
  }
  std::vector<actors::LocatedFile> page;
  auto next = entries.upper_bound(start_after);
  if (start_after.empty()) next = entries.begin();
  for (; next != entries.end() && page.size() < names.page; ++next) page.push_back(next->second);
  return {std::move(page), next != entries.end()};
}

void add_blocks(const FakeNamespace& names, actors::LocatedFile& file,
                const std::vector<metadata::Block>& blocks,
                const std::vector<actors::WrittenBlock>& written) {
  for (const auto& block : blocks) {
    metadata::LocatedBlock place{block, file.status.length, {}};
    file.status.length += block.length;
    for (const auto& one : written) {
      if (one.block != block.id) continue;
      for (const auto& node : names.nodes) {
        if (std::find(one.nodes.begin(), one.nodes.end(), node.node) != one.nodes.end()) {
          place.locations.push_back(node);
        }
      }
    }
    file.blocks.push_back(std::move(place));
  }
}

metadata::Outcome commit_file(FakeNamespace& names, const metadata::CommittedFile& file,
                              const metadata::FileTimes& times,
                              const std::vector<actors::WrittenBlock>& written) {
  if (names.files.contains(file.path) && !file.overwrite) {
    return {static_cast<std::uint8_t>(Errc::kAlreadyExists), file.path + ": already exists", 0};
  }
  actors::LocatedFile located;
  located.status.name = name_of(file.path);
  located.status.replication = file.replication;
  located.status.permission = file.permission;
  located.status.id = InodeId{names.next_inode++};
  located.status.block_size = file.block_size;
  located.status.compression = file.compression;
  if (times.modified_ms != metadata::kKeepTime) located.status.modified_ms = times.modified_ms;
  if (times.accessed_ms != metadata::kKeepTime) located.status.accessed_ms = times.accessed_ms;
  add_blocks(names, located, file.blocks, written);
  names.files[file.path] = std::move(located);
  for (auto path = parent_of(file.path); path != "/"; path = parent_of(path)) {
    names.directories.insert(path);
  }
  return {};
}

// Does a change once, however often it is asked for.
template <class Action>
caf::result<metadata::ChangeReply> change_once(const NamesPtr& names, const std::string& kind,
                                               const metadata::RequestId& id, Action action) {
  const std::lock_guard lock(names->mutex);
  if (names->quorum.leader != names.self) return actors::not_leader(view_of(names));
  if (names->forgotten.contains(id.client)) {
    ++names->requests[kind];
    return metadata::forgotten(id);
  }
  const auto key = std::pair(id.client, id.sequence);
  if (!names->answers.contains(key)) {
    ++names->changes_done;
    names->answers[key] = action();
  }
  if (const auto error = note(*names, kind)) return actors::to_caf(*error);
  return names->answers[key];
}

metadata::ChangeReply one(metadata::Outcome outcome) { return {{std::move(outcome)}}; }

metadata::ChangeReply make_directory(FakeNamespace& names, const metadata::MakeDirectory& change) {
  if (!names.directories.insert(change.path).second && !change.parents) {
    return one({static_cast<std::uint8_t>(Errc::kAlreadyExists), change.path + ": exists", 0});
  }
  return one({});
}

metadata::ChangeReply set_attributes(FakeNamespace& names, const metadata::SetAttributes& change) {
  metadata::ChangeReply reply;
  for (const auto& entry : change.entries) {
    reply.outcomes.emplace_back();
    const auto file = names.files.find(entry.path);
    if (file == names.files.end()) {
      names.attributes[entry.path] = entry;
      continue;
    }
    auto& status = file->second.status;
    if (entry.permission >= 0) status.permission = static_cast<std::uint16_t>(entry.permission);
    status.modified_ms = entry.modified_ms;
    status.accessed_ms = entry.accessed_ms;
  }
  return reply;
}

metadata::ChangeReply commit_files(FakeNamespace& names, const actors::CommitWrite& request) {
  metadata::ChangeReply reply;
  for (std::size_t i = 0; i < request.change.files.size(); ++i) {
    auto file = request.change.files[i];
    auto written = request.written;
    if (request.staged != names.staged.size()) {
      reply.outcomes.push_back({static_cast<std::uint8_t>(Errc::kInvalidArgument), "staged", 0});
      continue;
    }
    for (auto staged = names.staged.rbegin(); staged != names.staged.rend(); ++staged) {
      file.blocks.insert(file.blocks.begin(), staged->first);
      written.push_back(staged->second);
    }
    names.staged.clear();
    const auto times = request.times.empty() ? metadata::FileTimes{} : request.times.at(i);
    reply.outcomes.push_back(commit_file(names, file, times, written));
  }
  return reply;
}

metadata::ChangeReply append(FakeNamespace& names, const actors::AppendWrite& request) {
  const auto& change = request.change;
  constexpr auto kStale = static_cast<std::uint8_t>(Errc::kStale);
  for (auto& [path, file] : names.files) {
    if (file.status.id != change.file) continue;
    const auto length = file.status.length;
    if (length != change.length) return one({kStale, path + ": has another length", length});
    add_blocks(names, file, change.blocks, request.written);
    return one({});
  }
  return one({kStale, change.path + ": was replaced", 0});
}

metadata::ChangeReply stage(FakeNamespace& names, const actors::StageWrite& request) {
  const auto blocks = metadata::blocks_of(request.change);
  if (request.change.position != names.staged.size() || request.written.size() != blocks.size()) {
    return one({static_cast<std::uint8_t>(Errc::kStale), "not the next part", 0});
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    names.staged.emplace_back(blocks[i], request.written[i]);
  }
  return one({});
}

// As many nodes as wanted, each pipeline beginning with another one.
Result<actors::WriteGrant> allocate(FakeNamespace& names, const actors::AllocateBlocks& request) {
  names.allocations.push_back(request);
  for (const auto& file : request.files) {
    if (names.files.contains(file.path) && !file.overwrite) {
      return Error{Errc::kAlreadyExists, file.path + ": already exists"};
    }
  }
  std::vector<metadata::ReplicaLocation> nodes;
  for (const auto& node : names.nodes) {
    const auto& excluded = request.excluded;
    if (std::find(excluded.begin(), excluded.end(), node.node) == excluded.end()) {
      nodes.push_back(node);
    }
  }
  if (nodes.empty()) return Error{Errc::kNoDatanode, "no live datanode"};
  actors::WriteGrant grant{request.session == 0 ? 77 : request.session, names.renew_within_ms, {}};
  for (std::uint32_t i = 0; i < request.pipelines; ++i) {
    actors::PipelineGrant pipeline;
    pipeline.generation = 1;
    for (std::uint32_t j = 0; j < request.blocks_per_pipeline; ++j) {
      pipeline.blocks.push_back(BlockId{names.next_block++});
    }
    std::rotate(nodes.begin(), nodes.begin() + 1, nodes.end());
    const auto count = std::min<std::size_t>(nodes.size(), request.replication);
    pipeline.targets.assign(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(count));
    grant.pipelines.push_back(std::move(pipeline));
  }
  return grant;
}

template <class Reply>
caf::result<Reply> answer(Result<Reply> result) {
  if (!result.ok()) return actors::to_caf(result.error());
  return std::move(*result);
}

// Locks, notes the request under its name and answers by `action`.
template <class Reply, class Action>
caf::result<Reply> serve(const NamesPtr& names, const std::string& kind, Action action) {
  const std::lock_guard lock(names->mutex);
  if (names->quorum.leader != names.self) return actors::not_leader(view_of(names));
  if (const auto error = note(*names, kind)) return actors::to_caf(*error);
  return answer<Reply>(action());
}

caf::error not_here() { return actors::to_caf({Errc::kUnsupported, "the fake has no such thing"}); }

using FakeActor = actors::NamenodeActor::extend_with<actors::ServedByNames2>;

FakeActor::behavior_type fake_namenode(const NamesPtr& names) {
  return {
      [=](const actors::Patience&, const actors::StatRequest& request) {
        return serve<metadata::FileStatus>(names, "stat", [&]() -> Result<metadata::FileStatus> {
          MDFS_TRY(const auto located, find(*names, request.path));
          return located.status;
        });
      },
      [=](const actors::Patience&, const actors::ListRequest& request) {
        return serve<actors::ListReply>(names, "list", [&]() -> Result<actors::ListReply> {
          const auto [page, more] = page_of(*names, request.path, request.start_after);
          actors::ListReply reply{"", static_cast<std::uint32_t>(page.size()), more};
          for (const auto& entry : page) Encoder(reply.entries).put(entry.status);
          return reply;
        });
      },
      [=](const actors::Patience&, const actors::LocateRequest& request) {
        return serve<actors::LocatedFile>(names, "locate", [&] { return locate(*names, request); });
      },
      [=](const actors::Patience&, const actors::LocateDirectoryRequest& request) {
        using Reply = actors::LocateDirectoryReply;
        return serve<Reply>(names, "locate-directory", [&]() -> Result<Reply> {
          auto [page, more] = page_of(*names, request.path, request.start_after);
          return Reply{std::move(page), more};
        });
      },
      [=](const actors::Patience&,
          const actors::ClientIdRequest&) -> caf::result<actors::ClientIdReply> {
        const std::lock_guard lock(names->mutex);
        if (names->quorum.leader != names.self) return actors::not_leader(view_of(names));
        names->client_ids.push_back(ClientId{9, names->client_ids.size() + 1});
        return actors::ClientIdReply{names->client_ids.back()};
      },
      [=](const actors::Patience&, const metadata::MakeDirectory& change) {
        return change_once(names, "mkdir", change.request,
                           [&] { return make_directory(*names, change); });
      },
      [=](const actors::Patience&, const metadata::Rename& change) {
        return change_once(names, "rename", change.request, [&] { return one({}); });
      },
      [=](const actors::Patience&, const metadata::Remove& change) {
        return change_once(names, "remove", change.request, [&] {
          names->files.erase(change.path);
          return one({});
        });
      },
      [=](const actors::Patience&, const metadata::SetReplication& change) {
        return change_once(names, "setrep", change.request, [&] { return one({}); });
      },
      [=](const actors::Patience&, const metadata::SetAttributes& change) {
        return change_once(names, "attributes", change.request,
                           [&] { return set_attributes(*names, change); });
      },
      [=](const actors::Patience&, const metadata::SetOwner& change) {
        return change_once(names, "owner", change.request, [&] {
          return metadata::ChangeReply{std::vector<metadata::Outcome>(change.entries.size())};
        });
      },
      [=](const actors::Patience&, const metadata::ConcatFiles& change) {
        return change_once(names, "concat", change.request, [&] { return one({}); });
      },
      [=](const actors::Patience&, const metadata::RenameExactly& change) {
        return change_once(names, "rename exactly", change.request, [&] { return one({}); });
      },
      [=](const actors::Patience&, const actors::AppendWrite& request) {
        return change_once(names, "append", request.change.request,
                           [&] { return append(*names, request); });
      },
      [=](const actors::Patience&, const actors::AllocateBlocks& request) {
        return serve<actors::WriteGrant>(names, "allocate",
                                         [&] { return allocate(*names, request); });
      },
      [=](const actors::Patience&, const actors::CommitWrite& request) {
        return change_once(names, "commit", request.change.request,
                           [&] { return commit_files(*names, request); });
      },
      [=](const actors::Patience&, const actors::StageWrite& request) {
        return change_once(names, "stage", request.change.request,
                           [&] { return stage(*names, request); });
      },
      [=](const actors::Patience&, const actors::RenewSession&) {
        return serve<actors::Accepted>(names, "renew", [] { return actors::Accepted{}; });
      },
      [=](const actors::Patience&, const actors::EndSession& request) {
        return serve<actors::Accepted>(names, "end", [&] {
          names->ended.push_back(request);
          return actors::Accepted{};
        });
      },
      [](const actors::RegisterNode&) -> caf::result<actors::Registered> { return not_here(); },
      [](const actors::Heartbeat&) -> caf::result<actors::HeartbeatReply> { return not_here(); },
      [](const actors::BlockReportPart&) -> caf::result<actors::Accepted> { return not_here(); },
      [](const actors::Goodbye&) -> caf::result<actors::Accepted> { return not_here(); },
      [=](const actors::Patience&, const actors::StatusRequest&) {
        return serve<actors::StatusReply>(names, "status", [&] {
          actors::StatusReply reply;
          reply.cluster = names->cluster;
          reply.safe_mode = names->safe_mode;
          return reply;
        });
      },
      [](const actors::Patience&, const actors::SafeModeRequest&)
          -> caf::result<actors::SafeModeReply> { return not_here(); },
      [](const actors::Patience&, const actors::DecideNode&) -> caf::result<metadata::ChangeReply> {
        return not_here();
      },
      [](const actors::Patience&,
         const actors::BalanceRequest&) -> caf::result<actors::BalanceReply> { return not_here(); },
      [](const actors::Patience&,
         const actors::CopiesRequest&) -> caf::result<actors::CopiesReply> { return not_here(); },
      [=](const actors::Patience&, const actors::CheckBlocksRequest&) {
        return serve<actors::CheckBlocksReply>(names, "check", [&] {
          actors::CheckBlocksReply reply;
          if (names->checks_outstanding == 0) return reply;
          --names->checks_outstanding;
          reply.outstanding = "one datanode has not reported";
          reply.problems.resize(1);
          return reply;
        });
      },
      [](const actors::Patience&, const actors::ScrubRequest&) -> caf::result<actors::ScrubReply> {
        return actors::ScrubReply{};
      },
      [](const actors::Patience&,
         const actors::BackupRequest&) -> caf::result<actors::BackupReply> { return not_here(); },
      [=](const actors::WhoLeads&) {
        const std::lock_guard lock(names->mutex);
        return view_of(names);
      },
      [](const actors::Patience&, const actors::JoinCluster&) -> caf::result<actors::Joined> {
        return not_here();
      },
      [](const actors::Patience&,
         const actors::QuorumRequest&) -> caf::result<actors::QuorumReply> { return not_here(); },
      [](const actors::Patience&,
         const actors::TransferLeadership&) -> caf::result<actors::Accepted> { return not_here(); },
      [](const actors::Patience&, const actors::RemoveNamenode&) -> caf::result<actors::Accepted> {
        return not_here();
      },
      [](const actors::Patience&, const actors::MarkForDigests&)
          -> caf::result<actors::MarkedForDigests> { return not_here(); },
      [](const actors::Patience&,
         const actors::DigestRequest&) -> caf::result<actors::DigestReply> { return not_here(); },
  };
}

struct IgnoredEvents final : transfer::DataServerEvents {
  void replica_stored(const storage::ReplicaInfo& /*replica*/) override {}
  void replica_corrupt(BlockId /*block*/, std::uint64_t /*generation*/,
                       std::string /*reason*/) override {}
};

struct FakeSystemConfig : actors::ControlSystemConfig {
  FakeSystemConfig() { actors::add_message_types(*this); }
};

}  // namespace

struct FakeNamenode::Impl {
  FakeSystemConfig config;
  caf::actor_system system{config};
  NamesPtr names{};
  FakeActor actor;
  FakeActor local;
  std::unique_ptr<actors::ControlListener> listener;
};

FakeNamenode::FakeNamenode(std::shared_ptr<FakeNamespace> names, std::uint16_t port,
                           metadata::QuorumId self)
    : impl_(std::make_unique<Impl>()) {
  actors::AdmissionOptions admission;
  admission.port = port;
  admission.cluster = names->cluster;
  admission.process = actors::control_process_id(impl_->system);
  auto listener = actors::ControlListener::open(admission);
  REQUIRE(listener.ok());
  impl_->listener = std::move(*listener);
  impl_->names = {names, self};
  impl_->actor = impl_->system.spawn(
      [served = impl_->names](FakeActor::pointer) { return fake_namenode(served); });
  actors::publish_control(impl_->system, impl_->actor, *impl_->listener);
}

FakeNamenode::~FakeNamenode() {
  impl_->listener->cut_all();
  impl_->listener.reset();
  caf::anon_send_exit(impl_->actor, caf::exit_reason::user_shutdown);
  if (impl_->local) caf::anon_send_exit(impl_->local, caf::exit_reason::user_shutdown);
}

// With a thread of its own, as such actors must have.
std::shared_ptr<const LocalNamenodes> FakeNamenode::local(const metadata::Endpoint& address) {
  if (!impl_->local) {
    impl_->local = impl_->system.spawn<caf::detached>(
        [served = impl_->names](FakeActor::pointer) { return fake_namenode(served); });
  }
  return std::make_shared<LocalNamenodes>(
      LocalNamenodes{{{address},
                      impl_->listener->options().cluster,
                      caf::actor_cast<actors::NamenodeActor>(impl_->local)}});
}

metadata::Endpoint FakeNamenode::address() const { return {"127.0.0.1", impl_->listener->port()}; }

FakeDatanode::FakeDatanode(ClusterId cluster, std::chrono::milliseconds progress_timeout)
    : events_(std::make_unique<IgnoredEvents>()) {
  storage::BlockStoreOptions options;
  options.directories = {directory_.path()};
  options.cluster = cluster;
  options.durability = storage::Durability::kNone;
  options.reserved_bytes = 0;
  auto store = storage::BlockStore::open(options);
  REQUIRE(store.ok());
  store_ = std::move(*store);
  transfer::DataServerOptions server;
  server.listen = {"127.0.0.1", 0};
  server.threads = 1;
  server.progress_timeout = progress_timeout;
  auto started = transfer::DataServer::start(server, *store_, *events_);
  REQUIRE(started.ok());
  server_ = std::move(*started);
  location_ = {store_->node_id(), {"127.0.0.1", server_->port()}, "/default"};
}

FakeDatanode::~FakeDatanode() {
  server_.reset();
  store_.reset();
}

FakeCluster::FakeCluster(std::size_t datanode_count, Options options,
                         std::chrono::milliseconds progress_timeout) {
  namenode = std::make_unique<FakeNamenode>(names, 0);
  for (std::size_t i = 0; i < datanode_count; ++i) {
    datanodes.push_back(std::make_unique<FakeDatanode>(names->cluster, progress_timeout));
    names->nodes.push_back(datanodes.back()->location());
  }
  options.namenodes = {namenode->address()};
  auto connected = FileSystem::connect(std::move(options));
  REQUIRE(connected.ok());
  files = std::move(*connected);
}

}  // namespace minidfs::client
