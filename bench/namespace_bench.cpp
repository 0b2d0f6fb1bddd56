// Measures the namespace alone: applying changes in batches and reading them back, without a log
// or a network. Usage: namespace_bench DIRECTORY [FILES [OPERATIONS]]
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>

#include "metadata/changes.hpp"
#include "storage/namespace/namespace_reader.hpp"
#include "storage/namespace/namespace_store.hpp"

namespace minidfs {
namespace {

using metadata::Change;
using metadata::CommitFiles;
using metadata::CommittedFile;
using metadata::MakeDirectory;
using metadata::Remove;
using metadata::Rename;
using metadata::ReserveBlockIds;
using storage::NamespaceReader;
using storage::NamespaceStore;

constexpr std::uint64_t kBatch = 64;
constexpr std::uint64_t kDirectories = 100;

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "namespace_bench: %s\n", result.error().message.c_str());
    std::exit(1);
  }
  return std::move(result).value();
}

void must(const Status& status) {
  if (!status.ok()) {
    std::fprintf(stderr, "namespace_bench: %s\n", status.error().message.c_str());
    std::exit(1);
  }
}

// Of this process; on a shared machine it says more than the wall clock.
double cpu_seconds() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Runs `operation` for 0 .. count and prints its rate; `after` is called after every kBatch.
void measure(const char* what, std::uint64_t count,
             const std::function<void(std::uint64_t)>& operation,
             const std::function<void()>& after) {
  const double begin = now_seconds();
  const double cpu_begin = cpu_seconds();
  for (std::uint64_t i = 0; i < count; ++i) {
    operation(i);
    if (i % kBatch == kBatch - 1) after();
  }
  after();
  const double seconds = now_seconds() - begin;
  std::printf("%-44s %10.0f /s %10.0f /CPU s\n", what, static_cast<double>(count) / seconds,
              static_cast<double>(count) / (cpu_seconds() - cpu_begin));
  std::fflush(stdout);
}

class Bench {
 public:
  explicit Bench(std::string path) : path_(std::move(path)) { reopen(); }

  void reopen() {
    reader_.reset();
    store_.reset();
    const double begin = now_seconds();
    store_ = must(NamespaceStore::open(path_));
    reader_ = must(store_->open_reader());
    std::printf("%-44s %10.2f ms\n", "open", (now_seconds() - begin) * 1000);
  }

  void apply(Change change) {
    std::visit(
        [&](auto& alternative) {
          if constexpr (requires { alternative.request; }) {
            alternative.request = {ClientId{7, 7}, ++sequence_,
                                   sequence_ < kBatch ? 0 : sequence_ - kBatch};
            alternative.time_ms = static_cast<std::int64_t>(1'700'000'000'000 + sequence_ / 60);
          }
        },
        change);
    const std::string entry = metadata::encode_change(change);
    const std::string reply = must(store_->apply(store_->applied() + 1, entry));
    // A reply of one outcome without an error.
    if (reply.size() < 5 || reply[4] != 0) {
      std::fprintf(stderr, "namespace_bench: refused: %s\n", reply.c_str() + 9);
      std::exit(1);
    }
  }

  void commit() {
    must(store_->commit_batch());
    store_->take_effects();
  }

  void writes(std::uint64_t count) {
    const auto commit_now = [&] { commit(); };
    measure(
        "mkdir", count, [&](std::uint64_t i) { apply(directory(dir("/m", i), i)); }, commit_now);
    measure(
        "create of empty files", count, [&](std::uint64_t i) { apply(file(dir("/f", i), i, 0)); },
        commit_now);
    measure(
        "rename", count,
        [&](std::uint64_t i) {
          Rename rename;
          rename.source = dir("/f", i) + name(i);
          rename.target = dir("/f", i) + "/renamed" + std::to_string(i);
          apply(rename);
        },
        commit_now);
    measure(
        "delete", count,
        [&](std::uint64_t i) {
          Remove remove;
          remove.path = dir("/f", i) + "/renamed" + std::to_string(i);
          apply(remove);
        },
        commit_now);
  }

  // Half of the files in directories of 1000 entries, half in one flat one.
  void fill(std::uint64_t count) {
    ReserveBlockIds reserve;
    reserve.count = count + 1;
    apply(reserve);
    measure(
        "create of files of one block", count,
        [&](std::uint64_t i) {
          const std::string parent =
              i < count / 2 ? "/tree/d" + std::to_string(i / 1000) : std::string("/flat");
          apply(file(parent, i, i + 1));
        },
        [&] { commit(); });
    must(store_->make_durable());
  }

  void reads(std::uint64_t files, std::uint64_t count) {
    std::mt19937_64 random(1);
    const auto nothing = [] {};
    measure(
        "stat, random files", count,
        [&](std::uint64_t) {
          const std::uint64_t i = random() % (files / 2);
          must(reader_->stat("/tree/d" + std::to_string(i / 1000) + name(i)));
        },
        nothing);
    measure(
        "stat, random files of 100 directories", count,
        [&](std::uint64_t) {
          const std::uint64_t i = random() % std::min<std::uint64_t>(100'000, files / 2);
          must(reader_->stat("/tree/d" + std::to_string(i / 1000) + name(i)));
        },
        nothing);
    measure(
        "blocks of a file, random files", count,
        [&](std::uint64_t) {
          const std::uint64_t i = random() % (files / 2);
          must(reader_->file_blocks("/tree/d" + std::to_string(i / 1000) + name(i)));
        },
        nothing);
    measure(
        "list of 1000, cached", 20'000,
        [&](std::uint64_t i) {
          must(reader_->list(
              "/tree/d" + std::to_string(i % std::min<std::uint64_t>(20, files / 2000)), "", 1000));
        },
        nothing);
    const std::uint64_t lists = std::min<std::uint64_t>(files / 2000, 400);
    measure(
        "list of 1000, first time", lists,
        [&](std::uint64_t i) {
          must(reader_->list("/tree/d" + std::to_string(files / 2000 - 1 - i), "", 1000));
        },
        nothing);
    BlockId after{0};
    measure(
        "blocks_between, pages of 1000", files / 1000,
        [&](std::uint64_t) {
          const auto blocks =
              must(reader_->blocks_between(BlockId{after.value + 1}, BlockId{~0ULL}, 1000));
          after = blocks.back().id;
        },
        nothing);
  }

  // A reader that looks something up after every commit.
  void mixed(std::uint64_t files, std::uint64_t count) {
    std::mt19937_64 random(2);
    measure(
        "create and stat in turn, 64 a commit", count,
        [&](std::uint64_t i) {
          apply(file(dir("/x", i), i, 0));
          must(reader_->stat(
              "/tree/d" + std::to_string(random() % std::min<std::uint64_t>(100, files / 2000))));
        },
        [&] { commit(); });
  }

  void purge() {
    Remove remove;
    remove.recursive = true;
    for (const char* path : {"/tree", "/flat"}) {
      remove.path = path;
      const double begin = now_seconds();
      apply(remove);
      commit();
      std::printf("%-44s %10.2f ms\n", "recursive delete", (now_seconds() - begin) * 1000);
    }
    const double begin = now_seconds();
    const std::uint64_t before = must(reader_->counters()).files;
    while (must(reader_->counters()).blocks > 0) {
      metadata::PurgeRemoved purge;
      purge.limit = 1000;
      apply(purge);
      commit();
    }
    const auto purged = static_cast<double>(before - must(reader_->counters()).files);
    std::printf("%-44s %10.0f /s\n", "purge of files of one block",
                purged / (now_seconds() - begin));
  }

  void sizes(std::uint64_t files) {
    struct stat info {};
    ::stat(path_.c_str(), &info);
    std::printf("%-44s %10.1f bytes\n", "on disk, for each file",
                static_cast<double>(info.st_size) / static_cast<double>(files));
    ::stat((path_ + "-wal").c_str(), &info);
    std::printf("%-44s %10.1f MiB\n", "write-ahead log",
                static_cast<double>(info.st_size) / 0x1p20);
    struct rusage usage {};
    ::getrusage(RUSAGE_SELF, &usage);
    std::printf("%-44s %10.1f MiB\n", "largest RSS", static_cast<double>(usage.ru_maxrss) / 1024);
  }

 private:
  static std::string dir(const char* prefix, std::uint64_t i) {
    return prefix + std::to_string(i % kDirectories);
  }
  static std::string name(std::uint64_t i) {
    char text[32];
    std::snprintf(text, sizeof(text), "/part-%07llu", static_cast<unsigned long long>(i));
    return text;
  }
  static Change directory(const std::string& parent, std::uint64_t i) {
    MakeDirectory change;
    change.path = parent + name(i);
    change.parents = true;
    change.owner = "hdfs";
    change.group = "users";
    return change;
  }
  static Change file(const std::string& parent, std::uint64_t i, std::uint64_t block) {
    CommitFiles change;
    CommittedFile& committed = change.files.emplace_back();
    committed.path = parent + name(i);
    committed.owner = "hdfs";
    committed.group = "users";
    committed.block_size = 64ULL << 20U;
    committed.replication = 3;
    committed.compression = "none";
    if (block != 0) committed.blocks.push_back({BlockId{block}, 1000, 4096});
    return change;
  }

  std::string path_;
  std::unique_ptr<NamespaceStore> store_;
  std::unique_ptr<NamespaceReader> reader_;
  std::uint64_t sequence_ = 0;
};

int run(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: namespace_bench DIRECTORY [FILES [OPERATIONS]]\n");
    return 2;
  }
  const std::uint64_t files = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  const std::uint64_t operations = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 100'000;
  const std::filesystem::path directory(argv[1]);
  std::filesystem::create_directories(directory);
  Bench writes((directory / "writes.db").string());
  writes.writes(operations);
  Bench bench((directory / "fill.db").string());
  bench.fill(files);
  bench.reopen();
  bench.sizes(files);
  bench.reads(files, 2 * operations);
  bench.mixed(files, operations);
  bench.purge();
  bench.sizes(files);
  return 0;
}

}  // namespace
}  // namespace minidfs

int main(int argc, char** argv) { return minidfs::run(argc, argv); }
