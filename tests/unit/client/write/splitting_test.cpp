#include <catch2/catch.hpp>

#include "client/read/file_reader.hpp"
#include "client/write/file_writer.hpp"
#include "client/write/session_state.hpp"
#include "client/write/tree_writer.hpp"
#include "consensus/log.hpp"

namespace minidfs::client {
namespace {

std::vector<metadata::LocatedBlock> blocks_of(std::initializer_list<std::uint64_t> lengths) {
  std::vector<metadata::LocatedBlock> blocks;
  std::uint64_t offset = 0;
  for (const auto length : lengths) {
    blocks.push_back({{BlockId{blocks.size() + 1}, 1, length}, offset, {}});
    offset += length;
  }
  return blocks;
}

std::vector<SmallFile> files_of(std::initializer_list<std::uint64_t> lengths) {
  static const LocalFile file{"f", "/f"};
  std::vector<SmallFile> files;
  for (const auto length : lengths) files.push_back({&file, length});
  return files;
}

TEST_CASE("All blocks have the block size but the last") {
  CHECK(block_length(1, 10, 0) == 1);
  CHECK(block_length(10, 10, 0) == 10);
  CHECK(block_length(11, 10, 0) == 10);
  CHECK(block_length(11, 10, 1) == 1);
  CHECK(block_length(1ULL << 40, 1ULL << 30, 1023) == 1ULL << 30);
  // One that the file had not when it was looked at.
  CHECK(block_length(10, 10, 1) == 10);
}

TEST_CASE("A range is cut at the borders of blocks and at the end of the file") {
  const auto blocks = blocks_of({10, 10, 5});
  const auto whole = parts_of(blocks, 0, UINT64_MAX);
  REQUIRE(whole.size() == 3);
  CHECK(whole[2].length == 5);

  const auto middle = parts_of(blocks, 8, 4);
  REQUIRE(middle.size() == 2);
  CHECK(middle[0].block == 0);
  CHECK(middle[0].offset == 8);
  CHECK(middle[0].length == 2);
  CHECK(middle[1].block == 1);
  CHECK(middle[1].offset == 0);
  CHECK(middle[1].length == 2);

  const auto tail = parts_of(blocks, 24, UINT64_MAX);
  REQUIRE(tail.size() == 1);
  CHECK(tail[0].offset == 4);
  CHECK(tail[0].length == 1);
}

TEST_CASE("A range of nothing, or behind the end, has no parts") {
  const auto blocks = blocks_of({10, 10});
  CHECK(parts_of(blocks, 5, 0).empty());
  CHECK(parts_of(blocks, 20, 1).empty());
  CHECK(parts_of(blocks, UINT64_MAX, UINT64_MAX).empty());
  CHECK(parts_of({}, 0, UINT64_MAX).empty());
}

TEST_CASE("The parts of any range add up to it") {
  const auto blocks = blocks_of({7, 7, 7, 3});
  for (std::uint64_t offset = 0; offset <= 26; ++offset) {
    for (std::uint64_t length = 0; length <= 26; ++length) {
      std::uint64_t position = offset;
      for (const auto& part : parts_of(blocks, offset, length)) {
        CHECK(blocks[part.block].offset + part.offset == position);
        position += part.length;
      }
      CHECK(position == std::max(offset, std::min<std::uint64_t>(offset + length, 24)));
    }
  }
}

TEST_CASE("Batches are bounded by files and by bytes, and one file always fits") {
  CHECK(form_batches({}, 2, 100).empty());
  CHECK(form_batches(files_of({1, 1, 1, 1, 1}), 2, 100) == std::vector<std::size_t>{2, 4, 5});
  CHECK(form_batches(files_of({60, 60, 30, 5}), 10, 100) == std::vector<std::size_t>{1, 4});
  CHECK(form_batches(files_of({500, 0, 500}), 10, 100) == std::vector<std::size_t>{1, 2, 3});
}

TEST_CASE("A batch's paths fit in one entry of the log") {
  metadata::CommitDated change;
  const LocalFile file{"f", "/" + std::string(7999, 'p')};
  const std::vector<SmallFile> files(200, SmallFile{&file, 1});
  const auto ends = form_batches(files, 256, 1 << 20);
  REQUIRE(ends.back() == 200);
  change.files.resize(ends.front());
  change.times.resize(ends.front());
  for (auto& committed : change.files) {
    committed.path = file.path;
    committed.owner = committed.group = std::string(255, 'o');
    committed.blocks.resize(1);
  }
  CHECK(metadata::encode_change(change).size() <= consensus::kCommandMaxBytes);
}

TEST_CASE("Neighbouring block ids become one range") {
  const auto range = [](std::uint64_t first, std::uint64_t count) {
    return metadata::BlockRange{BlockId{first}, count};
  };
  CHECK(ranges_of({}).empty());
  const std::vector<BlockId> ids{{3}, {4}, {5}, {9}, {11}, {12}};
  CHECK(ranges_of(ids) == std::vector{range(3, 3), range(9, 1), range(11, 2)});
}

TEST_CASE("Settings of a file come from the write and else from the client") {
  Options options;
  options.replication = 2;
  options.block_size = 1000;
  options.compression = "zstd:5";
  const auto defaults = file_settings(options, {});
  REQUIRE(defaults.ok());
  CHECK(defaults->replication == 2);
  CHECK(defaults->block_size == 1000);
  CHECK(defaults->compression_text == "zstd:5");

  WriteOptions write;
  write.replication = 1;
  write.compression = "none";
  const auto chosen = file_settings(options, write);
  REQUIRE(chosen.ok());
  CHECK(chosen->replication == 1);
  CHECK(chosen->compression_text == "none");

  write.compression = "gzip";
  CHECK(file_settings(options, write).error().code == Errc::kInvalidArgument);
}

}  // namespace
}  // namespace minidfs::client
