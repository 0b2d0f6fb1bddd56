#include "client/read/tree_batch.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "base/path.hpp"
#include "client/local_attributes.hpp"
#include "client/read/file_reader.hpp"
#include "client/read/salvage.hpp"

namespace minidfs::client {
namespace {

// Requests under way on one connection: enough that neither side ever waits for the other.
constexpr std::size_t kPipelinedMax = 64;
// Larger files, and files of several blocks, are read one at a time.
constexpr std::uint64_t kPipelinedBytesMax = 1 << 20;
// Asked for before the answers are wanted: no more than the kernel keeps for us, as a datanode does
// not wait for ever until its answer is taken.
constexpr std::uint64_t kAheadBytesMax = 64 * 1024;

Status request(transfer::ReplicaClient& client, std::span<const actors::LocatedFile* const> files) {
  std::vector<transfer::ReadRequest> requests;
  for (const auto* file : files) {
    const auto& block = file->blocks.front().block;
    requests.push_back({block.id, block.generation, 0, block.length, block.length});
  }
  return client.request(requests);
}

}  // namespace

Status fetch_file(ClientContext& context, const std::string& path, LocalOutput output,
                  const actors::LocatedFile& file, const ReadOptions& options,
                  ProgressMeter& progress) {
  Salvage salvage;
  const PlacedSink sink = [&](std::uint64_t offset, std::span<const std::byte> bytes) {
    return output.write_at(offset, bytes);
  };
  MDFS_CHECK(
      read_located(context, path, file, sink, progress, options.salvage ? &salvage : nullptr));
  MDFS_CHECK(output.finish());
  progress.add_files(1);
  const auto salvaged = salvage.result();
  return salvaged.ok() ? salvaged : Status(with_path(salvaged.error(), path));
}

Status BatchFetcher::fetch(TreeBatch& batch) {
  if (!loop_) {
    MDFS_TRY(loop_, net::BlockingLoop::make());
  }
  std::map<metadata::Endpoint, Group> groups;
  Files single;
  for (auto& file : batch.files) {
    const auto* location = best_location(file);
    if (location == nullptr) {
      single.push_back(&file);
      continue;
    }
    auto& group = groups[location->data];
    group.location = location;
    group.files.push_back(&file);
  }
  // All nodes are at it while the first one's files are stored.
  for (auto& [endpoint, group] : groups) begin(group);
  for (auto& [endpoint, group] : groups) fetch_from(group, batch, single);
  for (const auto* file : single) {
    auto fetched = fetch_singly(batch, *file);
    if (fetched.ok()) continue;
    if (ends_all(fetched.error().code)) return fetched;
    failures_.note(fetched.error());
  }
  return {};
}

Result<LocalOutput> BatchFetcher::create(const TreeBatch& batch,
                                         const metadata::FileStatus& file) const {
  MDFS_TRY(auto output,
           LocalOutput::create(context_.outputs, join_path(batch.local_path, file.name),
                               batch.existing));
  if (options_.preserve) output.preserve(attributes_of(file));
  return output;
}

Status BatchFetcher::fetch_singly(const TreeBatch& batch, const actors::LocatedFile& file) {
  const auto& name = file.status.name;
  MDFS_TRY(auto output, create(batch, file.status));
  return fetch_file(context_, join_path(batch.path, name), std::move(output), file, options_,
                    progress_);
}

// Where a small file is asked for first, or null for one that is read by itself.
const metadata::ReplicaLocation* BatchFetcher::best_location(
    const actors::LocatedFile& file) const {
  if (file.blocks.size() != 1 || file.status.length > kPipelinedBytesMax) return nullptr;
  const metadata::ReplicaLocation* suspect = nullptr;
  for (const auto& location : file.blocks.front().locations) {
    if (failed_nodes_.contains(location.node)) continue;
    if (!context_.health.is_suspect(location.node)) return &location;
    if (suspect == nullptr) suspect = &location;
  }
  return suspect;
}

void BatchFetcher::begin(Group& group) {
  auto taken = context_.replicas.take(group.location->data, false, patience(), loop_);
  if (!taken.ok()) return give_up(*group.location);
  group.connection = std::move(*taken);
  std::uint64_t bytes = 0;
  std::size_t count = 0;
  while (count < group.files.size() && bytes < kAheadBytesMax) {
    bytes += group.files[count++]->status.length;
  }
  if (request(*group.connection.client, std::span(group.files).first(count)).ok()) {
    group.requested = count;
  }
}

void BatchFetcher::fetch_from(Group& group, const TreeBatch& batch, Files& left) {
  auto& [location, files, connection, requested] = group;
  if (!connection.client) {
    left.insert(left.end(), files.begin(), files.end());
    return;
  }
  receive_all(group, batch, left);
  if (connection.client->usable()) {
    context_.replicas.give_back(location->data, std::move(connection));
  } else if (!connection.reused) {
    give_up(*location);
  }
}

// Files that are left behind are read again one by one, so a node is not hurried as much as there.
std::chrono::milliseconds BatchFetcher::patience() const {
  return 4 * context_.options.hedge_after;
}

void BatchFetcher::give_up(const metadata::ReplicaLocation& location) {
  failed_nodes_.insert(location.node);
  context_.health.note_slow(location.node);
}

void BatchFetcher::receive_all(Group& group, const TreeBatch& batch, Files& left) {
  auto& [location, files, connection, requested] = group;
  for (std::size_t i = 0; i < files.size(); ++i) {
    // The window is filled up when half of it is empty, so that requests travel together.
    if (requested - i <= kPipelinedMax / 2) {
      const auto end = std::min(files.size(), i + kPipelinedMax);
      const auto more = std::span(files).subspan(requested, end - requested);
      if (!more.empty() && request(*connection.client, more).ok()) requested = end;
    }
    if (requested <= i) {  // The connection is lost.
      left.insert(left.end(), files.begin() + static_cast<std::ptrdiff_t>(i), files.end());
      return;
    }
    if (!receive_one(*connection.client, batch, *files[i])) left.push_back(files[i]);
  }
}

// False when the replica or its node failed. A failure of the local file is noted, and what is on
// its way to it thrown away.
bool BatchFetcher::receive_one(transfer::ReplicaClient& client, const TreeBatch& batch,
                               const actors::LocatedFile& file) {
  if (!client.usable()) return false;
  auto output = create(batch, file.status);
  Status written = output.ok() ? Status() : Status(output.error());
  std::uint64_t bytes_received = 0;
  const auto writing = [&](std::span<const std::byte> bytes) {
    if (written.ok()) written = output->write(bytes);
    bytes_received += bytes.size();
    return Status();
  };
  const auto received =
      client.receive(writing, {patience(), []() -> Status {
                                 return Error{Errc::kTimedOut, "the datanode hangs"};
                               }});
  if (written.ok() && (!received.ok() || bytes_received != file.status.length)) return false;
  if (written.ok()) written = output->finish();
  if (!written.ok()) {
    failures_.note(written.error());
    return true;
  }
  progress_.add_bytes(bytes_received);
  progress_.add_files(1);
  return true;
}

}  // namespace minidfs::client
