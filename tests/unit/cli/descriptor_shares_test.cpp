#include "cli/roles/descriptor_shares.hpp"

#include <catch2/catch.hpp>

namespace minidfs::cli {
namespace {

TEST_CASE("The shares of a namenode are within its limit, and none is empty") {
  const std::size_t descriptors = GENERATE(256, 512, 1024, 20'000, 65'536, 1'048'576);
  const auto shares = namenode_shares(descriptors);
  CHECK(shares.files + shares.strangers + shares.admitted <= descriptors);
  CHECK(shares.strangers >= 8);
  CHECK(shares.datanodes >= 8);
  CHECK(shares.admitted >= 3 * shares.datanodes);
}

TEST_CASE("The shares of a datanode are within its limit, with three descriptors a connection") {
  const std::size_t descriptors = GENERATE(512, 1024, 20'000, 65'536, 1'048'576);
  const auto shares = datanode_shares(descriptors, 4);
  CHECK(shares.files + shares.strangers + 3 * shares.connections + shares.block_files <=
        descriptors);
  CHECK(shares.block_files >= 16);
  CHECK(shares.strangers >= 8);
  CHECK(shares.connections >= 64);
}

TEST_CASE("With the usual hard limits there is room for ten thousand clients") {
  CHECK(namenode_shares(65'536).admitted - namenode_shares(65'536).datanodes >= 10'000);
  CHECK(datanode_shares(65'536, 1).connections >= 10'000);
}

TEST_CASE("A limit below any sensible share leaves nothing empty") {
  const std::size_t descriptors = GENERATE(0, 1, 64, 128);
  CHECK(namenode_shares(descriptors).admitted >= 64);
  CHECK(namenode_shares(descriptors).strangers >= 8);
  CHECK(datanode_shares(descriptors, 12).connections >= 64);
}

TEST_CASE("Each share is named with its number") {
  CHECK(to_string(namenode_shares(1024)) ==
        "128 for the log and the database, 112 for connections not yet admitted, 784 for admitted "
        "ones, of which 196 for datanodes only");
  CHECK(to_string(datanode_shares(1024, 1)) ==
        "224 for disks and the log, 100 for connections that have not said hello, 216 for others, "
        "with two more for each, 50 for blocks that are being stored");
}

}  // namespace
}  // namespace minidfs::cli
