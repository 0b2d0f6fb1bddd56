// The data plane alone: datanodes as processes with real block stores, and a client that puts a
// file's bytes as blocks into a pipeline or reads them back. Its verbs are those of bench_plain, so
// that both can be measured in turn.
//
//   transfer_bench node --port P --directory D [--sync]           serves until it is killed
//   transfer_bench put --ports P1,P2,P3 --file F [--id N] [--connections N] [--small BYTES]
//   transfer_bench get --port P --bytes B [--id N] [--connections N] [--small BYTES]
//   transfer_bench idle --port P --connections N                  connects, waits for standard
//   input
//
// Blocks have 64 MiB, or BYTES with --small, and ids from N * 1,000,000 + 1. Prints seconds.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cxxopts.hpp>
#include <string>
#include <thread>
#include <vector>

#include "storage/blocks/slice_codec.hpp"
#include "transfer/data_server.hpp"
#include "transfer/pipeline_writer.hpp"
#include "transfer/replica_client.hpp"

namespace {

using namespace minidfs;

constexpr ClusterId kCluster{1, 1};
constexpr std::size_t kAppendBytes = 256 * 1024;
constexpr std::size_t kRequestsAhead = 64;

struct Job {
  std::vector<std::uint16_t> ports;
  std::string file;
  std::uint64_t id = 0;
  std::uint64_t bytes = 0;
  std::uint64_t block_bytes = 0;
  unsigned connections = 1;
};

[[noreturn]] void die(const Error& error) {
  std::fprintf(stderr, "transfer_bench: %s\n", error.message.c_str());
  std::exit(1);
}

void check(const Status& status) {
  if (!status.ok()) die(status.error());
}

template <class T>
T checked(Result<T> result) {
  if (!result.ok()) die(result.error());
  return std::move(result).value();
}

class NoEvents final : public transfer::DataServerEvents {
 public:
  void replica_stored(const storage::ReplicaInfo&) override {}
  void replica_corrupt(BlockId, std::uint64_t, std::string reason) override {
    std::fprintf(stderr, "transfer_bench: corrupt: %s\n", reason.c_str());
  }
};

void run_node(std::uint16_t port, const std::string& directory, bool sync) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  storage::BlockStoreOptions store_options;
  store_options.directories = {directory};
  store_options.cluster = kCluster;
  store_options.durability = sync ? storage::Durability::kSync : storage::Durability::kNone;
  const auto store = checked(storage::BlockStore::open(store_options));
  NoEvents events;
  transfer::DataServerOptions options;
  options.listen = {"127.0.0.1", port};
  const auto server = checked(transfer::DataServer::start(options, *store, events));
  int signal = 0;
  sigwait(&signals, &signal);
}

std::uint64_t block_count(const Job& job) {
  return (job.bytes + job.block_bytes - 1) / job.block_bytes;
}

BlockId block_of(const Job& job, std::uint64_t index) {
  return BlockId{job.id * 1'000'000 + index + 1};
}

void put_blocks(const Job& job, std::atomic<std::uint64_t>& next) {
  std::vector<metadata::Endpoint> targets;
  for (const auto port : job.ports) targets.push_back({"127.0.0.1", port});
  const auto writer = checked(transfer::PipelineWriter::open(targets, {.cluster = kCluster}));
  const auto file = checked(open_file(job.file, O_RDONLY));
  std::vector<std::byte> buffer(kAppendBytes);
  storage::SliceEncoder encoder({});
  const std::uint64_t blocks = block_count(job);
  for (std::uint64_t index = next++; index < blocks; index = next++) {
    const std::uint64_t start = index * job.block_bytes;
    const std::uint64_t end = std::min(start + job.block_bytes, job.bytes);
    encoder.begin_block(block_of(job, index), 1);
    check(writer->begin_block(block_of(job, index), 1, end - start));
    for (std::uint64_t at = start; at < end;) {
      const auto part = std::span(buffer).first(std::min<std::uint64_t>(kAppendBytes, end - at));
      check(read_at(file.get(), part, at, job.file));
      const auto encoded = encoder.encode(part);
      check(writer->append(encoded.slices, encoded.stored));
      at += part.size();
    }
    check(writer->end_block());
  }
  while (writer->unacknowledged() > 0) {
    const auto ack = checked(writer->wait_ack());
    for (const auto& error : ack.errors) {
      if (!error.empty()) die(Error{Errc::kIoError, error});
    }
  }
}

void get_blocks(const Job& job, std::atomic<std::uint64_t>& next) {
  const auto client =
      checked(transfer::ReplicaClient::open({"127.0.0.1", job.ports[0]}, {.cluster = kCluster}));
  const auto sink = checked(open_file("/dev/null", O_WRONLY));
  const std::uint64_t blocks = block_count(job);
  std::size_t requested = 0;
  for (bool more = true; more || requested > 0;) {
    while (more && requested < kRequestsAhead) {
      const std::uint64_t index = next++;
      more = index < blocks;
      if (!more) break;
      const std::uint64_t start = index * job.block_bytes;
      check(client->request(
          {block_of(job, index), 1, 0, std::min(job.block_bytes, job.bytes - start)}));
      ++requested;
      if (job.block_bytes > kAppendBytes && requested >= 2) break;
    }
    if (requested == 0) break;
    check(client->receive([&](std::span<const std::byte> bytes) {
      return ::write(sink.get(), bytes.data(), bytes.size()) < 0
                 ? Status(errno_error(errno, "/dev/null"))
                 : Status();
    }));
    --requested;
  }
}

void run_job(const Job& job, void (*work)(const Job&, std::atomic<std::uint64_t>&)) {
  const auto start = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> next{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < job.connections; ++i) {
    threads.emplace_back([&] { work(job, next); });
  }
  for (auto& thread : threads) thread.join();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  std::printf("%.4f\n", elapsed.count());
}

void hold_connections(std::uint16_t port, unsigned count) {
  std::vector<std::unique_ptr<transfer::ReplicaClient>> clients;
  for (unsigned i = 0; i < count; ++i) {
    clients.push_back(
        checked(transfer::ReplicaClient::open({"127.0.0.1", port}, {.cluster = kCluster})));
  }
  std::printf("%zu connections\n", clients.size());
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
}

int run(const cxxopts::ParseResult& flags) {
  const auto verb = flags["verb"].as<std::string>();
  if (verb == "node") {
    run_node(flags["port"].as<std::uint16_t>(), flags["directory"].as<std::string>(),
             flags["sync"].as<bool>());
    return 0;
  }
  if (verb == "idle") {
    hold_connections(flags["port"].as<std::uint16_t>(), flags["connections"].as<unsigned>());
    return 0;
  }
  Job job;
  job.id = flags["id"].as<std::uint64_t>();
  job.connections = flags["connections"].as<unsigned>();
  job.block_bytes = flags["small"].as<std::uint64_t>();
  if (verb == "put") {
    job.ports = flags["ports"].as<std::vector<std::uint16_t>>();
    job.file = flags["file"].as<std::string>();
    struct stat status {};
    if (::stat(job.file.c_str(), &status) != 0) die(errno_error(errno, job.file));
    job.bytes = static_cast<std::uint64_t>(status.st_size);
    run_job(job, put_blocks);
  } else if (verb == "get") {
    job.ports = {flags["port"].as<std::uint16_t>()};
    job.bytes = flags["bytes"].as<std::uint64_t>();
    run_job(job, get_blocks);
  } else {
    std::fprintf(stderr, "transfer_bench: unknown verb %s\n", verb.c_str());
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  cxxopts::Options options("transfer_bench", "The data plane between a client and datanodes");
  options.add_options()("verb", "node, put, get or idle", cxxopts::value<std::string>())(
      "port", "Port to serve or to read from", cxxopts::value<std::uint16_t>()->default_value("0"))(
      "ports", "Ports of a pipeline", cxxopts::value<std::vector<std::uint16_t>>())(
      "directory", "Where a node stores", cxxopts::value<std::string>()->default_value("."))(
      "id", "Chooses the blocks' ids", cxxopts::value<std::uint64_t>()->default_value("0"))(
      "file", "File to send", cxxopts::value<std::string>()->default_value(""))(
      "bytes", "Bytes to read", cxxopts::value<std::uint64_t>()->default_value("0"))(
      "connections", "Parallel connections", cxxopts::value<unsigned>()->default_value("1"))(
      "small", "Bytes of a block", cxxopts::value<std::uint64_t>()->default_value("67108864"))(
      "sync", "Sync before the acknowledgement");
  options.parse_positional({"verb"});
  try {
    return run(options.parse(argc, argv));
  } catch (const cxxopts::exceptions::exception& error) {
    std::fprintf(stderr, "transfer_bench: %s\n", error.what());
    return 2;
  }
}
