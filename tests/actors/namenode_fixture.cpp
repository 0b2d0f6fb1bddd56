#include "actors/namenode_fixture.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <catch2/catch.hpp>
#include <map>
#include <set>

namespace minidfs::actors::test {

consensus::ChannelId MemoryLog::add_channel(consensus::CompletionSink sink) {
  sinks_.push_back(std::move(sink));
  return static_cast<consensus::ChannelId>(sinks_.size() - 1);
}

void MemoryLog::propose(consensus::ChannelId channel, std::uint64_t token, std::string command,
                        consensus::Room room) {
  ++proposed_;
  last_room_ = room;
  largest_bytes_ = std::max(largest_bytes_, command.size());
  proposals_.push_back({channel, token, std::move(command)});
}

void MemoryLog::add_role_sink(consensus::RoleSink sink) {
  sink(leading_);
  role_sinks_.push_back(std::move(sink));
}

void MemoryLog::set_leader(consensus::Term term, consensus::MemberId leader) {
  using consensus::Standing;
  leading_ = {Standing::kFollower, term, {leader, {}}};
  if (leader == 0) leading_.standing = Standing::kNobody;
  if (leader == kSelf) leading_.standing = Standing::kLeader;
  for (const auto& sink : role_sinks_) sink(leading_);
}

consensus::ReadAnswer MemoryLog::read_answer() const {
  if (is_leader()) return {state_.applied(), {}};
  return {Error{Errc::kNotLeader, "another one leads"}, leading_.leader};
}

void MemoryLog::read_index(consensus::ReadSink sink) {
  ++reads_asked_;
  if (!holds_reads_) return sink(read_answer());
  held_reads_.push_back(std::move(sink));
}

void MemoryLog::hold_reads(bool held) {
  holds_reads_ = held;
  if (held) return;
  for (const auto& sink : std::exchange(held_reads_, {})) sink(read_answer());
}

consensus::QuorumStatus MemoryLog::quorum() const {
  consensus::QuorumStatus status;
  status.self = kSelf;
  status.leading = leading_;
  for (const auto id : {kSelf, kOther}) {
    status.members.emplace_back().member = {id, "h" + std::to_string(id) + ":8020"};
  }
  return status;
}

void MemoryLog::apply_others(const metadata::Change& change) {
  REQUIRE(state_.apply(state_.applied() + 1, metadata::encode_change(change)).ok());
  REQUIRE(state_.commit_batch().ok());
}

void MemoryLog::release_first() {
  REQUIRE_FALSE(held_.empty());
  const auto proposal = std::move(held_.front());
  held_.pop_front();
  consensus::Completion done{
      proposal.token, state_.apply(state_.applied() + 1, proposal.command), {}};
  REQUIRE(state_.commit_batch().ok());
  sinks_[proposal.channel]({std::move(done)});
}

bool MemoryLog::apply_all() {
  if (holds_proposals_) {
    for (auto& proposal : std::exchange(proposals_, {})) held_.push_back(std::move(proposal));
  }
  if (proposals_.empty()) return false;
  std::map<consensus::ChannelId, std::vector<consensus::Completion>> done;
  for (const auto& proposal : std::exchange(proposals_, {})) {
    if (!is_leader()) {
      done[proposal.channel].push_back(
          {proposal.token, Error{Errc::kNotLeader, "another one leads"}, leading_.leader});
      continue;
    }
    const auto change = metadata::decode_change(proposal.command);
    if (refuse_purges_ > 0 && change.ok() &&
        std::holds_alternative<metadata::PurgeRemoved>(*change)) {
      --refuse_purges_;
      done[proposal.channel].push_back(
          {proposal.token, Error{Errc::kNoSpace, "the disk is full"}, {}});
      continue;
    }
    done[proposal.channel].push_back(
        {proposal.token, state_.apply(state_.applied() + 1, proposal.command), {}});
  }
  REQUIRE(state_.commit_batch().ok());
  for (auto& [channel, completions] : done) sinks_[channel](std::move(completions));
  return true;
}

OwnerActor::behavior_type NamenodeFixture::gate_actor(OwnerActor::pointer self, OwnerActor owners,
                                                      std::shared_ptr<Hanging> hanging) {
  return {
      [=](const OwnersOf& request) { return self->delegate(owners, request); },
      [=](const OwnersBetween& request) { return self->delegate(owners, request); },
      [=](const NamespaceFactsWanted& request) -> caf::result<NamespaceFacts> {
        if (!hanging->hangs) {
          for (const auto& question : std::exchange(hanging->questions, {})) question();
          return self->delegate(owners, request);
        }
        auto promise = self->make_response_promise<NamespaceFacts>();
        hanging->questions.emplace_back(
            [=]() mutable { promise.delegate(owners, NamespaceFactsWanted{}); });
        return promise;
      },
      [=](const KeptReplyOf& request) { return self->delegate(owners, request); },
      [=](const PathsOf& request) { return self->delegate(owners, request); },
      [=](const LeadershipsWanted& request) { return self->delegate(owners, request); },
  };
}

void NamenodeFixture::hang_database(bool hangs) {
  hanging_->hangs = hangs;
  if (hangs) return;
  caf::anon_send(gate_, NamespaceFactsWanted{});
  settle();
}

NamenodeFixture::Config::Config() {
  actors::add_message_types(*this);
  set("scheduler.policy", caf::atom("testing"));
}

BlockManagerOptions NamenodeFixture::default_options() {
  BlockManagerOptions options;
  options.cluster = {1, 2};
  options.epoch = {metadata::LifeId{5, 6}, 1};
  options.settle = std::chrono::milliseconds(0);
  options.deletes_after = std::chrono::milliseconds(0);
  options.placement.reserve_bytes = 0;
  return options;
}

BlockManagerOptions NamenodeFixture::short_grace() {
  auto options = default_options();
  options.orphans.grace = std::chrono::seconds(5);
  options.sessions.grace = std::chrono::seconds(5);
  return options;
}

NamenodeFixture::NamenodeFixture(BlockManagerOptions options, metadata::BlockMark mark)
    : options_(std::move(options)),
      mark_(mark),
      scheduler_(dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())) {
  open();
}

NamenodeFixture::NamenodeFixture(Follows, BlockManagerOptions options)
    : options_(std::move(options)),
      follows_(true),
      scheduler_(dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())) {
  open();
}

void NamenodeFixture::open() {
  auto store = storage::NamespaceStore::open(directory_.file("namespace.db"));
  REQUIRE(store.ok());
  store_ = std::move(store).value();
  machine_ = std::make_unique<NamespaceMachine>(*store_, options_.cluster);
  spawn();
  settle();
}

NamenodeFixture::~NamenodeFixture() {
  stop();
  store_.reset();
}

std::shared_ptr<storage::NamespaceReader> NamenodeFixture::reader() {
  auto reader = store_->open_reader();
  REQUIRE(reader.ok());
  return std::move(reader).value();
}

void NamenodeFixture::spawn() {
  log_ = std::make_unique<MemoryLog>(*machine_);
  if (follows_) log_->set_leader(5, MemoryLog::kOther);
  lanes_ = {};
  auto blocks = std::make_shared<BlockActorParts>();
  blocks->options = options_;
  blocks->log = log_.get();
  blocks->speaks_for_datanodes = [this](const caf::node_id&) { return !senders_are_clients_; };
  blocks->lanes = lanes_;
  const auto shared = reader();
  blocks->facts = facts_of(*shared).value();
  OfficeBegun begun;
  begun.term = 1;
  begun.mark = mark_;
  begun.before = {shared->history().value(), shared->staged_files().value(),
                  shared->node_admins().value(), blocks->facts};
  auto& history = begun.before.history;
  if (history.now().life.is_none()) {
    history.begin_leadership({options_.epoch.life, 1}, mark_, 0);
    if (options_.epoch.leadership > 1) {
      history.begin_leadership(options_.epoch, mark_, blocks->facts.applied + 1);
    }
  }
  owners_ = system_.spawn(owner_actor, shared);
  gate_ = system_.spawn(gate_actor, owners_, hanging_);
  blocks->owners = gate_;
  blocks->directory = "/names";
  blocks_ = system_.spawn(block_actor, std::move(blocks));
  machine_->set_sink([this, handle = blocks_](NamespaceEffects effects) {
    most_effects_ = std::max(most_effects_, effects.blocks.size());
    caf::anon_send(handle, std::move(effects));
  });
  auto names = std::make_shared<NamespaceActorParts>();
  names->log = log_.get();
  auto second = store_->open_reader();
  REQUIRE(second.ok());
  names->reader = std::move(second).value();
  names->blocks = blocks_;
  names->lanes = lanes_;
  names_ = system_.spawn(namespace_actor, std::move(names));
  if (follows_) {
    quorum_ = system_.spawn(quorum_actor,
                            QuorumParts{log_.get(), gate_, blocks_, names_, lanes_.beats, {}, 1});
  } else {
    caf::anon_send(blocks_, begun);
    caf::anon_send(names_, begun);
  }
  const NamenodeServers servers{caf::actor_cast<caf::strong_actor_ptr>(names_),
                                caf::actor_cast<caf::strong_actor_ptr>(blocks_), nullptr,
                                caf::actor_cast<caf::strong_actor_ptr>(quorum_)};
  auto routes = namenode_routes(servers, lanes_);
  std::set<std::string> signatures;
  serve_interface_2(system_, servers, lanes_, routes, signatures);
  switch_ = RequestSwitch::make(system_, std::move(routes));
  namenode_ = caf::actor_cast<NamenodeActor>(switch_);
}

void NamenodeFixture::stop() {
  machine_->set_sink(nullptr);
  if (quorum_) caf::anon_send_exit(quorum_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(names_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(blocks_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(gate_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(owners_, caf::exit_reason::user_shutdown);
  RequestSwitch::close(switch_);
  namenode_ = nullptr;
  switch_ = nullptr;
  names_ = nullptr;
  quorum_ = nullptr;
  blocks_ = nullptr;
  gate_ = nullptr;
  owners_ = nullptr;
  scheduler_.run();
}

void NamenodeFixture::send_exit() {
  caf::anon_send_exit(switch_, caf::exit_reason::kill);
  settle();
}

void NamenodeFixture::replace_namespace() {
  NamespaceEffects effects;
  effects.replaced = true;
  caf::anon_send(blocks_, std::move(effects));
  settle();
}

void NamenodeFixture::stand_still(std::chrono::milliseconds time) { scheduler_.advance_time(time); }

metadata::TimePoint NamenodeFixture::now() const { return scheduler_.clock().now(); }

void NamenodeFixture::restart(bool run) {
  stop();
  ++options_.epoch.leadership;
  spawn();
  if (run) settle();
}

void NamenodeFixture::settle() {
  do {
    scheduler_.run();
  } while (log_->apply_all());
}

void NamenodeFixture::advance(std::chrono::milliseconds time) {
  constexpr std::chrono::milliseconds kStep{250};  // The actor's tick.
  for (; time.count() > 0; time -= kStep) {
    scheduler_.advance_time(kStep);
    settle();
  }
}

RegisterNode NamenodeFixture::node(std::uint64_t number) const {
  RegisterNode request;
  request.node = {7, number};
  request.cluster = options_.cluster;
  request.incarnation = number;
  request.host = "host" + std::to_string(number);
  request.data = {"10.0.0." + std::to_string(number), 9866};
  request.rack = "/r";
  request.capacity_bytes = request.free_bytes = 1ULL << 40;
  return request;
}

void NamenodeFixture::join(std::uint64_t number, std::vector<metadata::Block> replicas) {
  const auto registered = ask<Registered>(node(number));
  REQUIRE(registered.ok());
  std::optional<metadata::ReportChunk> chunk;
  for (auto next = replicas.begin(); !chunk || !chunk->ends_report();) {
    const auto left = static_cast<std::size_t>(replicas.end() - next);
    const auto end =
        next + static_cast<std::ptrdiff_t>(std::min(left, metadata::kReportChunkReplicasMax));
    chunk = metadata::next_report_chunk(registered->report, chunk ? &*chunk : nullptr, {next, end});
    next = end;
    BlockReportPart part;
    part.node = node(number).node;
    part.incarnation = number;
    part.chunk = metadata::encode_report_chunk(*chunk);
    REQUIRE(ask<Accepted>(part).ok());
  }
}

HeartbeatReply NamenodeFixture::beat(std::uint64_t number, metadata::IncrementalReport changes,
                                     ScrubState scrub) {
  Heartbeat request;
  request.scrub = scrub;
  request.node = node(number).node;
  request.incarnation = number;
  request.capacity_bytes = request.free_bytes = 1ULL << 40;
  request.changes = std::move(changes);
  auto reply = ask<HeartbeatReply>(request);
  REQUIRE(reply.ok());
  return std::move(reply).value();
}

metadata::Block NamenodeFixture::put(const std::string& path, std::uint32_t blocks) {
  AllocateBlocks allocate;
  allocate.client = {3, 4};
  allocate.files = {{path, false}};
  allocate.block_size = 1 << 20;
  allocate.blocks_per_pipeline = blocks;
  allocate.replication = 2;
  const auto grant = ask<WriteGrant>(allocate);
  REQUIRE(grant.ok());
  const auto& pipeline = grant->pipelines.at(0);
  CommitWrite commit;
  commit.session = grant->session;
  metadata::CommittedFile file;
  file.path = path;
  file.block_size = 1 << 20;
  file.replication = 2;
  file.compression = "none";
  for (const auto id : pipeline.blocks) {
    const bool last = id == pipeline.blocks.back();
    file.blocks.push_back({id, pipeline.generation, last ? 1000U : allocate.block_size});
    auto& written = commit.written.emplace_back(WrittenBlock{id, {}});
    for (const auto& target : pipeline.targets) written.nodes.push_back(target.node);
  }
  commit.change.files = {file};
  const auto reply = ask<metadata::ChangeReply>(commit);
  REQUIRE(reply.ok());
  REQUIRE(reply->outcomes.at(0).ok());
  return file.blocks.front();
}

StatusReply NamenodeFixture::status() {
  auto reply = ask<StatusReply>(StatusRequest{});
  REQUIRE(reply.ok());
  return std::move(reply).value();
}

}  // namespace minidfs::actors::test
