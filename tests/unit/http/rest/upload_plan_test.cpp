#include "http/rest/upload_plan.hpp"

#include <catch2/catch.hpp>

namespace minidfs::http::rest {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

UploadPlan plan_of(std::uint64_t size, std::uint64_t block_size) {
  UploadPlan plan;
  plan.path = "/a";
  plan.size = size;
  plan.block_size = block_size;
  return plan;
}

TEST_CASE("every part but the last is a whole number of blocks, and they have all bytes") {
  for (const std::uint64_t block_size :
       {std::uint64_t{1}, kMiB, 48 * kMiB, 64 * kMiB, 64 * kMiB + 1, 1024 * kMiB}) {
    for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, 64 * kMiB - 1, 64 * kMiB,
                                     64 * kMiB + 1, 3 * 1024 * kMiB}) {
      INFO(block_size << ' ' << size);
      const auto plan = plan_of(size, block_size);
      CHECK(plan.part_bytes() >= UploadPlan::kPartBytes);
      CHECK(plan.part_bytes() % block_size == 0);
      std::uint64_t sum = 0;
      for (std::uint64_t number = 0; number < plan.parts(); ++number) {
        const auto length = plan.length_of(number);
        CHECK(length > 0);
        if (number + 1 < plan.parts()) CHECK(length == plan.part_bytes());
        CHECK(length <= plan.part_bytes());
        sum += length;
      }
      CHECK(sum == size);
    }
  }
}

TEST_CASE("a file of more blocks than can be joined is refused") {
  CHECK(check_size(plan_of(16'384 * 64 * kMiB, 64 * kMiB)).ok());
  const auto refused = check_size(plan_of(16'384 * 64 * kMiB + 1, 64 * kMiB));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::kTooLarge);
}

TEST_CASE("a plan is read as it was stored") {
  auto plan = plan_of(7, 8);
  plan.path = "/caf\xE9/\"x\"";
  plan.overwrite = true;
  plan.replication = 2;
  plan.compression = "zstd:3";
  const auto read = parse_upload_plan(stored_form(plan));
  REQUIRE(read.ok());
  CHECK(read->path == plan.path);
  CHECK(read->size == 7);
  CHECK(read->overwrite);
  CHECK(read->replication == 2);
  CHECK(read->block_size == 8);
  CHECK(read->compression == "zstd:3");
}

TEST_CASE("a part has one name") {
  CHECK(part_number("0") == 0);
  CHECK(part_number("16383") == 16383);
  for (const char* name : {"", "00", "01", "+1", "-1", "1 ", "joined", "99999999999999999999"}) {
    INFO(name);
    CHECK_FALSE(part_number(name));
  }
}

TEST_CASE("only the directory of uploads is reserved, and what is in it") {
  CHECK(is_reserved("/.minidfs-uploads"));
  CHECK(is_reserved("/.minidfs-uploads/a/b"));
  for (const char* path : {"/", "/.minidfs-uploads2", "/a/.minidfs-uploads", "/.minidfs"}) {
    INFO(path);
    CHECK_FALSE(is_reserved(path));
  }
}

}  // namespace
}  // namespace minidfs::http::rest
