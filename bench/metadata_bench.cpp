// Metadata operations against a running namenode from one client process: so many requests are kept
// in flight, each answer sends the next. Prints operations per second and latencies.
//
//   bench_metadata --namenode 127.0.0.1:8020 --in-flight 64 --operations 20000
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cxxopts.hpp>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/random_id.hpp"
#include "base/units.hpp"
#include "client/link/namenode_link.hpp"

namespace minidfs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kDirectories = 100;
constexpr std::uint64_t kListedEntries = 1000;

struct Settings {
  std::uint64_t in_flight = 64;
  std::uint64_t operations = 20'000;
  std::uint64_t stats = 20'000;
};

struct Figures {
  std::string operation;
  std::uint64_t operations = 0;
  std::uint64_t in_flight = 0;
  double per_second = 0;
  double median_ms = 0;
  double p99_ms = 0;
};

// Tells a Phase that one request was answered, and how.
using Done = std::function<void(const Status&)>;

// One operation, repeated. The requests after the first ones are sent from the link's thread.
class Phase {
 public:
  Phase(std::uint64_t count, std::function<void(std::uint64_t, Done)> submit)
      : count_(count), submit_(std::move(submit)), latencies_ms_(count) {}

  Result<Figures> run(const std::string& name, std::uint64_t in_flight) {
    const auto start = Clock::now();
    const auto first = std::min(in_flight, count_);
    next_ = first;
    for (std::uint64_t i = 0; i < first; ++i) send(i);
    finished_->get_future().get();
    const std::chrono::duration<double> took = Clock::now() - start;
    if (!error_.ok()) return error_.error();
    std::sort(latencies_ms_.begin(), latencies_ms_.end());
    return Figures{name,
                   count_,
                   in_flight,
                   static_cast<double>(count_) / took.count(),
                   latencies_ms_[count_ / 2],
                   latencies_ms_[count_ - 1 - count_ / 100]};
  }

 private:
  void send(std::uint64_t index) {
    const auto sent = Clock::now();
    submit_(index, [this, index, sent](const Status& status) {
      const std::chrono::duration<double, std::milli> took = Clock::now() - sent;
      latencies_ms_[index] = took.count();
      if (!status.ok()) {
        const std::lock_guard lock(mutex_);
        if (error_.ok()) error_ = status;
      }
      const auto next = next_++;
      if (next < count_) send(next);
      // The phase may be gone as soon as the value is set.
      const auto finished = finished_;
      if (++answered_ == count_) finished->set_value();
    });
  }

  std::uint64_t count_;
  std::function<void(std::uint64_t, Done)> submit_;
  std::vector<double> latencies_ms_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<std::uint64_t> answered_{0};
  std::mutex mutex_;
  Status error_;  // The first one.
  std::shared_ptr<std::promise<void>> finished_ = std::make_shared<std::promise<void>>();
};

template <class Reply>
Status status_of(const Result<Reply>& reply) {
  if (!reply.ok()) return reply.error();
  if constexpr (std::is_same_v<Reply, metadata::ChangeReply>) {
    for (const auto& outcome : reply->outcomes) MDFS_CHECK(metadata::to_result(outcome));
  }
  return {};
}

class Bench {
 public:
  Bench(client::LinkOptions options, Settings settings)
      : link_(std::move(options)), settings_(settings) {}

  Result<std::vector<Figures>> run() {
    MDFS_CHECK(prepare());
    std::vector<Figures> table;
    const auto add = [&](const char* name, std::uint64_t count, auto make) -> Status {
      MDFS_TRY(auto figures, phase(count, make).run(name, settings_.in_flight));
      table.push_back(std::move(figures));
      return {};
    };
    const auto count = settings_.operations;
    MDFS_CHECK(add("create", count, [&](auto i) { return create(file(i)); }));
    MDFS_CHECK(add("mkdir", count, [&](auto i) { return mkdir(directory(i) + "/d" + number(i)); }));
    MDFS_CHECK(
        add("stat", settings_.stats, [&](auto i) { return actors::StatRequest{file(i % count)}; }));
    MDFS_CHECK(add("list 1000", std::max<std::uint64_t>(count / 20, 1), [&](auto) {
      return actors::ListRequest{root_ + "/listed", "", 0};
    }));
    MDFS_CHECK(add("rename", count, [&](auto i) {
      metadata::Rename change;
      change.source = file(i);
      change.target = file(i) + ".renamed";
      return change;
    }));
    MDFS_CHECK(add("delete", count, [&](auto i) { return remove(file(i) + ".renamed", false); }));
    MDFS_CHECK(status_of(link_.call(remove(root_, true))));
    return table;
  }

 private:
  template <class Make>
  Phase phase(std::uint64_t count, Make make) {
    return Phase(count, [this, make](std::uint64_t index, Done done) {
      using Request = decltype(make(index));
      link_.submit<Request>(
          make(index), [done = std::move(done)](const auto& reply) { done(status_of(reply)); });
    });
  }

  Status prepare() {
    MDFS_CHECK(status_of(link_.call(mkdir(root_))));
    MDFS_CHECK(phase(kDirectories, [&](auto i) {
                 return mkdir(directory(i));
               }).run("prepare", settings_.in_flight));
    MDFS_CHECK(status_of(link_.call(mkdir(root_ + "/listed"))));
    MDFS_CHECK(phase(kListedEntries, [&](auto i) {
                 return create(root_ + "/listed/file-" + number(i));
               }).run("prepare", settings_.in_flight));
    return {};
  }

  static std::string number(std::uint64_t i) { return std::to_string(i); }
  std::string directory(std::uint64_t i) const {
    return root_ + "/directory-" + number(i % kDirectories);
  }
  std::string file(std::uint64_t i) const { return directory(i) + "/file-" + number(i); }

  static metadata::MakeDirectory mkdir(const std::string& path) {
    metadata::MakeDirectory change;
    change.path = path;
    change.owner = change.group = "bench";
    return change;
  }

  // As `minidfs put` of an empty file.
  static actors::CommitWrite create(const std::string& path) {
    metadata::CommittedFile file;
    file.path = path;
    file.owner = file.group = "bench";
    file.block_size = 64U << 20;
    file.replication = 3;
    file.compression = "none";
    actors::CommitWrite request;
    request.change.files.push_back(std::move(file));
    return request;
  }

  static metadata::Remove remove(const std::string& path, bool recursive) {
    metadata::Remove change;
    change.path = path;
    change.recursive = recursive;
    return change;
  }

  client::NamenodeLink link_;
  Settings settings_;
  std::string root_ = "/bench-" + to_string(random_id<ClientId>());
};

void print_table(const std::vector<Figures>& table) {
  std::printf("%-10s %10s %10s %12s %12s %12s\n", "operation", "count", "in flight", "per second",
              "median ms", "p99 ms");
  for (const auto& row : table) {
    std::printf("%-10s %10llu %10llu %12.0f %12.3f %12.3f\n", row.operation.c_str(),
                static_cast<unsigned long long>(row.operations),
                static_cast<unsigned long long>(row.in_flight), row.per_second, row.median_ms,
                row.p99_ms);
  }
}

void print_json(const std::vector<Figures>& table) {
  auto rows = nlohmann::json::array();
  for (const auto& row : table) {
    rows.push_back({{"operation", row.operation},
                    {"operations", row.operations},
                    {"in_flight", row.in_flight},
                    {"per_second", row.per_second},
                    {"median_ms", row.median_ms},
                    {"p99_ms", row.p99_ms}});
  }
  std::printf("%s\n", rows.dump(2).c_str());
}

Result<int> run(int argc, char** argv) {
  cxxopts::Options flags("bench_metadata", "Metadata operations against a running namenode");
  flags.add_options()("namenode", "HOST:PORT",
                      cxxopts::value<std::string>()->default_value("127.0.0.1:8020"))(
      "in-flight", "Requests in flight", cxxopts::value<std::uint64_t>()->default_value("64"))(
      "operations", "Operations of each kind (lists: a twentieth)",
      cxxopts::value<std::uint64_t>()->default_value("20000"))(
      "stats", "Another number of stats", cxxopts::value<std::uint64_t>())("json", "Print JSON")(
      "help", "");
  const auto arguments = flags.parse(argc, argv);
  if (arguments.count("help") != 0) {
    std::printf("%s", flags.help().c_str());
    return 0;
  }
  MDFS_TRY(const auto address,
           parse_host_port(arguments["namenode"].as<std::string>(), std::uint16_t{8020}));
  Settings settings{arguments["in-flight"].as<std::uint64_t>(),
                    arguments["operations"].as<std::uint64_t>()};
  settings.stats =
      arguments.count("stats") != 0 ? arguments["stats"].as<std::uint64_t>() : settings.operations;
  if (settings.in_flight == 0 || settings.operations == 0 || settings.stats == 0) {
    return Error{Errc::kInvalidArgument, "--in-flight, --operations and --stats must be above 0"};
  }
  client::LinkOptions options;
  options.namenodes = {{address.host, address.port}};
  MDFS_TRY(const auto table, Bench(std::move(options), settings).run());
  arguments.count("json") != 0 ? print_json(table) : print_table(table);
  return 0;
}

}  // namespace
}  // namespace minidfs

int main(int argc, char** argv) {
  try {
    const auto result = minidfs::run(argc, argv);
    if (result.ok()) return *result;
    std::fprintf(stderr, "bench_metadata: %s\n", result.error().message.c_str());
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "bench_metadata: %s\n", problem.what());
  }
  return 1;
}
