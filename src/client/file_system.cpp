#include "client/file_system.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <random>
#include <utility>

#include "base/wall_clock.hpp"
#include "client/async/file_summing.hpp"
#include "client/background_work.hpp"
#include "client/changed_entries.hpp"
#include "client/client_context.hpp"
#include "client/failures.hpp"
#include "client/namenode_answers.hpp"
#include "client/namespace_backup.hpp"
#include "client/progress_meter.hpp"
#include "client/read/file_reader.hpp"
#include "client/read/node_probe.hpp"
#include "client/read/salvage.hpp"
#include "client/read/tree_reader.hpp"
#include "client/write/file_writer.hpp"
#include "client/write/preserved_attributes.hpp"
#include "client/write/session_state.hpp"
#include "client/write/tree_writer.hpp"

namespace minidfs::client {
namespace {

using metadata::FileStatus;

ClusterStatus cluster_status(actors::StatusReply reply) {
  ClusterStatus status;
  status.cluster = reply.cluster;
  status.safe_mode = reply.safe_mode;
  status.safe_mode_reason = std::move(reply.safe_mode_reason);
  status.behind = reply.behind;
  status.asks_secret = reply.asks_secret;
  status.directory = std::move(reply.directory);
  status.directory_silent_ms = reply.directory_silent_ms;
  status.balance_deviation = reply.balance_deviation;
  status.files = reply.files;
  status.directories = reply.directories;
  status.blocks = {reply.blocks_total,   reply.blocks_under_replicated, reply.blocks_missing,
                   reply.blocks_corrupt, reply.pending_copies,          reply.repaired_per_second};
  for (auto& node : reply.nodes) {
    std::vector<BadDisk> bad_disks;
    for (auto& disk : node.bad_disks) {
      bad_disks.push_back({std::move(disk.directory), to_string(disk.health)});
    }
    auto name = node.data.host.empty() ? to_string(node.node) : metadata::to_string(node.data);
    status.nodes.push_back({node.node, std::move(name), std::move(node.rack), std::move(node.state),
                            std::move(node.admin), node.draining_left, node.maintenance_left_ms,
                            node.capacity_bytes, node.used_bytes, node.free_bytes, node.blocks,
                            node.last_heartbeat_ms, std::move(bad_disks), std::move(node.data),
                            node.version});
  }
  return status;
}

// What lets everybody in somewhere does so.
void add_http(ClusterStatus& status, const actors::HttpNodesReply& reply) {
  auto access = reply.namenode;
  for (const auto& node : reply.nodes) {
    access = std::max(access, node.access);
    for (auto& report : status.nodes) {
      if (report.id == node.node) report.http = node.http;
    }
  }
  using Http = ClusterStatus::Http;
  status.http = access == actors::HttpAccess::kOff      ? Http::kOff
                : access == actors::HttpAccess::kTokens ? Http::kTokens
                                                        : Http::kEverybody;
}

class FileSystemImpl final : public FileSystem {
 public:
  explicit FileSystemImpl(std::unique_ptr<ClientContext> context)
      : owned_(std::move(context)), context_(*owned_) {}

  Result<FileStatus> stat(const std::string& path) override {
    auto status = context_.link.call(actors::StatRequest{path});
    if (!status.ok()) return with_path(std::move(status).error(), path);
    return status;
  }

  Result<std::vector<FileStatus>> list(const std::string& path) override {
    std::vector<FileStatus> files;
    actors::ListRequest request{path, "", 0};
    for (;;) {
      auto page = context_.link.call(request);
      if (!page.ok()) return with_path(std::move(page).error(), path);
      if (auto decoded = decode_page(*page, files); !decoded.ok()) {
        return with_path(std::move(decoded).error(), path);
      }
      if (!page->more || page->count == 0) return files;
      request.start_after = files.back().name;
    }
  }

  Status make_directory(const std::string& path, bool parents) override {
    metadata::MakeDirectory change;
    change.path = path;
    change.parents = parents;
    change.owner = context_.options.user;
    change.group = context_.options.group;
    return apply(std::move(change), path);
  }

  Status remove(const std::string& path, bool recursive) override {
    metadata::Remove change;
    change.path = path;
    change.recursive = recursive;
    return apply(std::move(change), path);
  }

  Status rename(const std::string& source, const std::string& target) override {
    metadata::Rename change;
    change.source = source;
    change.target = target;
    auto status = apply(std::move(change), "");
    if (status.ok()) return status;
    auto error = std::move(status).error();
    if (names(error, source) || names(error, target)) return error;
    return with_path(std::move(error), source + " to " + target);
  }

  Status set_replication(const std::string& path, std::uint8_t replication) override {
    metadata::SetReplication change;
    change.path = path;
    change.replication = replication;
    return apply(std::move(change), path);
  }

  Status set_attributes(const std::vector<metadata::EntryAttributes>& entries,
                        const FailureCallback& failed) override {
    Failures failures(failed);
    MDFS_CHECK(client::set_attributes(context_, entries, failures));
    return failures.result();
  }

  Status set_owner(const std::vector<metadata::EntryOwner>& entries,
                   const FailureCallback& failed) override {
    Failures failures(failed);
    MDFS_CHECK(client::set_owner(context_, entries, failures));
    return failures.result();
  }

  Status concat(const std::string& target, const std::vector<std::string>& sources) override {
    metadata::ConcatFiles change;
    change.target = target;
    change.sources = sources;
    auto status = apply(std::move(change), "");
    if (status.ok()) return status;
    auto error = std::move(status).error();
    for (const auto& source : sources) {
      if (names(error, source)) return error;
    }
    return with_path(std::move(error), target);
  }

  Result<std::vector<metadata::LocatedBlock>> locate(const std::string& path) override {
    return locate_all(context_, path);
  }

  Result<ClusterStatus> status() override {
    MDFS_TRY(auto reply, context_.link.call(actors::StatusRequest{}));
    auto status = cluster_status(std::move(reply));
    // A namenode of version 1 knows of none.
    if (const auto http = context_.link.call(actors::HttpNodesRequest{}); http.ok()) {
      add_http(status, *http);
    }
    if (auto members = client::quorum(context_); members.ok()) {
      status.quorum = std::move(members).value();
    }
    return status;
  }

  void probe_nodes(ClusterStatus& status, std::chrono::milliseconds within) override {
    std::vector<metadata::ReplicaLocation> nodes;
    std::vector<metadata::ReplicaLocation> live;
    for (const auto& node : status.nodes) {
      if (node.state == "stale") nodes.push_back({node.id, node.data, {}});
      if (node.state == "live") live.push_back({node.id, node.data, {}});
    }
    nodes.resize(std::min(nodes.size(), kProbedMax));
    std::sample(live.begin(), live.end(), std::back_inserter(nodes), kProbedMax - nodes.size(),
                std::mt19937(std::random_device{}()));
    const auto reached = reach_nodes(context_, nodes, within);
    for (auto& node : status.nodes) {
      if (const auto found = reached.find(node.id); found != reached.end()) {
        node.reached = found->second;
      }
    }
  }

  Result<Quorum> quorum() override { return client::quorum(context_); }
  Status transfer_leadership(std::uint64_t member) override {
    return client::transfer_leadership(context_, member);
  }
  Status remove_namenode(std::uint64_t member) override {
    return client::remove_namenode(context_, member);
  }
  Result<std::vector<NamenodeDigest>> digest_namenodes() override {
    return client::digest_namenodes(context_);
  }

  Result<SafeMode> safe_mode(SafeModeAction action) override {
    const char* words[] = {"status", "enter", "leave", "accept"};
    MDFS_TRY(auto reply,
             context_.link.call(actors::SafeModeRequest{words[static_cast<std::size_t>(action)]}));
    return SafeMode{reply.on, std::move(reply.reason), reply.behind};
  }

  Status decide_node(NodeId node, metadata::NodeAction action,
                     std::chrono::milliseconds maintenance) override {
    actors::DecideNode decision;
    decision.node = node;
    decision.action = action;
    decision.for_ms = maintenance.count();
    return ask_for_change(std::move(decision), "");
  }

  Result<Balance> balance(BalanceAction action, double threshold) override {
    actors::BalanceRequest request;
    request.action = static_cast<actors::BalanceRequest::Action>(action);
    request.threshold = threshold;
    MDFS_TRY(auto reply, context_.link.call(request));
    return Balance{static_cast<Balance::State>(reply.state),
                   reply.number,
                   reply.deviation,
                   reply.moving,
                   reply.moved,
                   reply.moved_bytes,
                   std::move(reply.waits_for)};
  }

  Result<FileCopies> file_copies(const std::string& path) override {
    return count_copies(context_, path);
  }

  Result<std::string> check_blocks(const std::function<void(const BlockProblem&)>& take) override {
    return client::check_blocks(context_, take);
  }

  Result<std::vector<NodeScrub>> scrub(bool wait, const ScrubProgress& progress) override {
    return client::scrub(context_, wait, progress);
  }

  Result<std::vector<NodeScrub>> scrub_state() override { return client::scrub_state(context_); }

  Result<BackupReport> back_up_namespace(const std::string& local_directory) override {
    return client::back_up_namespace(context_, local_directory);
  }

  Result<WriteReport> write_file(const std::string& path, Source& source,
                                 const WriteOptions& options) override {
    MDFS_TRY(const auto settings, file_settings(context_.options, options));
    ProgressMeter progress(options.progress);
    progress.set_total(source.size_hint(), 1);
    auto report = write_one_file(context_, path, source, settings, progress);
    progress.finish();
    return report;
  }

  Result<WriteReport> append_file(const std::string& path, Source& source,
                                  const ProgressCallback& callback) override {
    ProgressMeter progress(callback);
    progress.set_total(source.size_hint(), 1);
    auto report = append_to_file(context_, path, source, progress);
    progress.finish();
    return report;
  }

  Result<WriteReport> write_files(const std::vector<LocalFile>& files,
                                  const WriteOptions& options) override {
    MDFS_TRY(const auto settings, file_settings(context_.options, options));
    ProgressMeter progress(options.progress);
    auto report = write_tree(context_, files, settings, options.failed, progress);
    progress.finish();
    return report;
  }

  Status preserve_attributes(const std::vector<LocalFile>& files,
                             const FailureCallback& failed) override {
    Failures failures(failed);
    MDFS_CHECK(client::preserve_attributes(context_, files, failures));
    return failures.result();
  }

  Status read_file(const std::string& path, std::uint64_t offset, std::uint64_t length,
                   const Sink& sink, const ProgressCallback& callback) override {
    ProgressMeter progress(callback);
    auto status = read_in_order(context_, path, offset, length, sink, progress, nullptr);
    progress.finish();
    return status;
  }

  Status salvage_file(const std::string& path, const Sink& sink,
                      const ProgressCallback& callback) override {
    ProgressMeter progress(callback);
    Salvage salvage;
    auto status = read_in_order(context_, path, 0, UINT64_MAX, sink, progress, &salvage);
    progress.finish();
    if (!status.ok()) return status;
    const auto salvaged = salvage.result();
    return salvaged.ok() ? salvaged : Status(with_path(salvaged.error(), path));
  }

  Status read_file_in_parallel(const std::string& path, const PlacedSink& sink,
                               const ProgressCallback& callback) override {
    ProgressMeter progress(callback);
    auto status = read_in_parallel(context_, path, sink, progress);
    progress.finish();
    return status;
  }

  Result<HdfsChecksum> hdfs_checksum(const std::string& path, CombineMode mode) override {
    return sum_file(context_, path, mode);
  }

  Status read_tree(const std::string& path, const std::string& local_path,
                   const ReadOptions& options) override {
    ProgressMeter progress(options.progress);
    auto status = read_whole_tree(context_, path, local_path, options, progress);
    progress.finish();
    return status;
  }

  void abandon(std::chrono::milliseconds within) override {
    context_.outputs.remove_all();
    end_all_sessions(context_, within);
  }

 private:
  // A change with one outcome. `path` goes in front of its error unless it is empty.
  template <class Change>
  Status apply(Change change, const std::string& path) {
    change.time_ms = wall_clock_ms();
    return ask_for_change(std::move(change), path);
  }

  template <class Request>
  Status ask_for_change(Request change, const std::string& path) {
    MDFS_CHECK(only_outcome(context_.link.call(std::move(change)), path));
    return {};
  }

  const std::unique_ptr<ClientContext> owned_;
  ClientContext& context_;
};

}  // namespace

Result<std::unique_ptr<FileSystem>> FileSystem::connect(Options options) {
  MDFS_TRY(auto context, ClientContext::make(std::move(options)));
  return std::unique_ptr<FileSystem>(new FileSystemImpl(std::move(context)));
}

}  // namespace minidfs::client
