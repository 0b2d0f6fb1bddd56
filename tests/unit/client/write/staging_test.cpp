// Files of more blocks than one commit or one page takes.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <optional>
#include <random>
#include <thread>

#include "client/client_context.hpp"
#include "client/write/file_writer.hpp"
#include "unit/client/fake_cluster.hpp"

namespace minidfs::client {
namespace {

FileSettings small_settings() {
  FileSettings settings;
  settings.replication = 2;
  settings.block_size = 100;
  settings.compression_text = "none";
  return settings;
}

// A file that is written to a fake namenode, without any bytes.
struct Writing {
  explicit Writing(const StagingOptions& options) : staging(options) {}

  StoredBlock block(std::uint64_t index, std::uint64_t length = 100, std::size_t copies = 2) const {
    StoredBlock stored;
    stored.block = {BlockId{1000 + index}, 1, length};
    for (std::size_t i = 0; i < copies; ++i) stored.nodes.push_back(cluster.names->nodes[i].node);
    return stored;
  }
  Status add(std::uint64_t index, std::uint64_t length = 100, std::size_t copies = 2) {
    return file->add(index, block(index, length, copies));
  }
  Result<WriteReport> commit(std::uint64_t blocks) { return file->commit(std::nullopt, blocks); }
  std::vector<std::uint64_t> block_ids() const {
    std::vector<std::uint64_t> ids;
    for (const auto& block : cluster.names->files.at("/f").blocks) {
      ids.push_back(block.block.id.value);
    }
    return ids;
  }
  int requests(const std::string& kind) const { return cluster.names->requests[kind]; }

  FakeCluster cluster{2};
  FileSettings settings = small_settings();
  ClientContext context{[this] {
    Options options;
    options.namenodes = {cluster.namenode->address()};
    return options;
  }()};
  const std::string path = "/f";
  ProgressCallback told;
  ProgressMeter progress{told};
  StagingOptions staging;
  std::optional<FileWriter> file{std::in_place, context, path, settings, progress, staging};
};

std::vector<std::uint64_t> ids_up_to(std::uint64_t count) {
  std::vector<std::uint64_t> ids;
  for (std::uint64_t i = 0; i < count; ++i) ids.push_back(1000 + i);
  return ids;
}

TEST_CASE("A file of few blocks is committed as it is") {
  Writing writing({8, 4});
  for (std::uint64_t i = 0; i < 8; ++i) REQUIRE(writing.add(i).ok());
  const auto report = writing.commit(8);
  REQUIRE(report.ok());
  CHECK(report->bytes == 800);
  CHECK(writing.requests("stage") == 0);
  CHECK(writing.block_ids() == ids_up_to(8));
}

TEST_CASE(
    "Of a longer file the beginning is staged, whatever the order in which blocks are stored") {
  Writing writing({8, 4});
  std::vector<std::uint64_t> order;
  for (std::uint64_t i = 0; i < 50; ++i) order.push_back(i);
  std::mt19937 random(7);
  for (auto at = order.begin(); order.end() - at >= 5; at += 5) {
    std::shuffle(at, at + 5, random);
  }
  for (const auto i : order) {
    REQUIRE(writing.add(i, i == 49 ? 7 : 100, i == 3 ? 1 : 2).ok());
  }
  const auto report = writing.commit(50);
  REQUIRE(report.ok());
  CHECK(report->files == 1);
  CHECK(report->bytes == 4907);
  CHECK(report->copies_min == 1);
  CHECK(writing.requests("stage") >= 10);
  CHECK(writing.block_ids() == ids_up_to(50));
  for (const auto& block : writing.cluster.names->files.at("/f").blocks) {
    CHECK_FALSE(block.locations.empty());
  }
}

TEST_CASE("A block that is missing holds back those behind it, and a short one is never staged") {
  Writing writing({8, 4});
  for (std::uint64_t i = 1; i < 20; ++i) {
    REQUIRE(writing.add(i, i == 6 ? 99 : 100).ok());
  }
  CHECK(writing.requests("stage") == 0);
  REQUIRE(writing.add(0).ok());
  CHECK(writing.requests("stage") == 1);
  // The file turned out to end with block 6; what was read behind it was there before.
  REQUIRE(writing.commit(7).ok());
  CHECK(writing.block_ids() == ids_up_to(7));
}

TEST_CASE("A part that the namenode refuses fails the write") {
  Writing writing({8, 4});
  writing.cluster.names->failure = [](const std::string& kind) -> std::optional<Error> {
    if (kind == "stage") return Error{Errc::kExpired, "the session was given up"};
    return std::nullopt;
  };
  Status status;
  for (std::uint64_t i = 0; i < 20 && status.ok(); ++i) {
    status = writing.add(i);
  }
  CHECK(status.error().code == Errc::kExpired);
}

TEST_CASE("Whoever gives up a file all of which is staged waits until that is given up") {
  FakeCluster cluster(1);
  Options options;
  options.namenodes = {cluster.namenode->address()};
  ClientContext context(options);
  std::atomic<bool> ended{false};
  cluster.names->failure = [&](const std::string& kind) -> std::optional<Error> {
    if (kind == "end") {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // It takes its time.
      ended = true;
    }
    return std::nullopt;
  };
  {
    WriteSession session(context);
    const auto pipeline = session.request_pipeline({{}, 4, 100, 1});
    REQUIRE(pipeline.ok());
    std::vector<StoredBlock> blocks;
    for (const auto id : pipeline->blocks) {
      blocks.push_back({{id, pipeline->generation, 100}, {pipeline->targets[0].node}});
    }
    metadata::StageBlocks part;
    part.block_size = 100;
    part.replication = 1;
    REQUIRE(session.stage(part, blocks).ok());
  }
  CHECK(ended);
  const std::lock_guard lock(cluster.names->mutex);
  cluster.names->failure = nullptr;
}

// Bytes that tell where they are.
std::string content_of(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 251);
  return bytes;
}

class TextSource final : public Source {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto count = std::min(buffer.size(), text_.size() - position_);
    std::memcpy(buffer.data(), text_.data() + position_, count);
    position_ += count;
    return count;
  }

 private:
  std::string text_;
  std::size_t position_ = 0;
};

TEST_CASE("A file is read page by page, from any byte, in order and in parallel") {
  Options options;
  options.replication = 1;
  options.block_size = 10'000;
  FakeCluster cluster(2, options);
  const auto content = content_of(95'000);
  TextSource source(content);
  REQUIRE(cluster.files->write_file("/f", source, {}).ok());
  cluster.names->blocks_page = 3;
  const auto read = [&](std::uint64_t offset, std::uint64_t length) {
    std::string bytes;
    const auto status = cluster.files->read_file(
        "/f", offset, length,
        [&](std::span<const std::byte> part) {
          bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
          return Status();
        },
        nullptr);
    INFO((status.ok() ? "" : status.error().message));
    CHECK(status.ok());
    return bytes;
  };
  CHECK(read(0, UINT64_MAX) == content);
  CHECK(read(29'999, 2) == content.substr(29'999, 2));
  CHECK(read(30'000, 30'000) == content.substr(30'000, 30'000));
  CHECK(read(94'999, 100) == content.substr(94'999));
  CHECK(read(95'000, 1).empty());

  std::string bytes(content.size(), '\0');
  REQUIRE(cluster.files
              ->read_file_in_parallel(
                  "/f",
                  [&](std::uint64_t offset, std::span<const std::byte> part) {
                    std::memcpy(bytes.data() + offset, part.data(), part.size());
                    return Status();
                  },
                  nullptr)
              .ok());
  CHECK(bytes == content);
  const auto blocks = cluster.files->locate("/f");
  REQUIRE(blocks.ok());
  CHECK(blocks->size() == 10);
  CHECK(blocks->back().offset == 90'000);
}

TEST_CASE("A file that is replaced between two pages is not read as a mixture") {
  Options options;
  options.replication = 1;
  options.block_size = 10'000;
  FakeCluster cluster(1, options);
  TextSource source(content_of(95'000));
  REQUIRE(cluster.files->write_file("/f", source, {}).ok());
  cluster.names->blocks_page = 3;
  std::size_t done = 0;
  const auto status = cluster.files->read_file(
      "/f", 0, UINT64_MAX,
      [&](std::span<const std::byte> part) {
        done += part.size();
        const std::lock_guard lock(cluster.names->mutex);
        cluster.names->files.at("/f").status.id = InodeId{99};
        return Status();
      },
      nullptr);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == Errc::kStale);
  CHECK(done == 30'000);
}

}  // namespace
}  // namespace minidfs::client
