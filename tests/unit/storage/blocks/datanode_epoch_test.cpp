// What a datanode remembers of its namespace across restarts.
#include "storage/blocks/datanode_epoch.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "support/temporary_directory.hpp"

namespace minidfs::storage {
namespace {

metadata::KnownEpoch known(std::uint64_t leadership, std::uint64_t change) {
  return {{{0xABC, 0xDEF}, leadership}, change};
}

// Two data directories.
struct Directories {
  Directories() {
    for (const auto& path : paths) std::filesystem::create_directories(path);
  }
  DatanodeEpoch open() const {
    auto epoch = DatanodeEpoch::open(paths);
    REQUIRE(epoch.ok());
    return std::move(epoch).value();
  }

  test::TemporaryDirectory directory;
  std::vector<std::string> paths{directory.file("a"), directory.file("b")};
};

}  // namespace

TEST_CASE("a new datanode knows no epoch, an old one the last that it kept") {
  Directories disks;
  auto epoch = disks.open();
  CHECK(epoch.known() == metadata::KnownEpoch{});
  REQUIRE(epoch.keep(known(3, 70)).ok());
  REQUIRE(epoch.keep(known(4, 71)).ok());
  CHECK(disks.open().known() == known(4, 71));
}

TEST_CASE("the epoch survives a lost disk, a damaged copy and one of an earlier time") {
  Directories disks;
  auto epoch = disks.open();
  REQUIRE(epoch.keep(known(3, 70)).ok());
  std::filesystem::copy_file(disks.paths[0] + "/epoch", disks.paths[0] + "/earlier");
  REQUIRE(epoch.keep(known(4, 71)).ok());
  std::filesystem::rename(disks.paths[0] + "/earlier", disks.paths[0] + "/epoch");
  CHECK(disks.open().known() == known(4, 71));
  std::ofstream(disks.paths[0] + "/epoch", std::ios::app) << "x";
  CHECK(disks.open().known() == known(4, 71));
  std::filesystem::remove_all(disks.paths[0]);
  epoch = disks.open();
  CHECK(epoch.known() == known(4, 71));
  CHECK(epoch.keep(known(5, 72)).ok());
  std::filesystem::remove_all(disks.paths[1]);
  CHECK_FALSE(epoch.keep(known(6, 73)).ok());
}

TEST_CASE("an epoch in a newer format is refused") {
  Directories disks;
  std::ofstream(disks.paths[1] + "/epoch") << "format=2\nmore=1\n";
  const auto epoch = DatanodeEpoch::open(disks.paths);
  REQUIRE_FALSE(epoch.ok());
  CHECK(epoch.error().code == Errc::kUnsupported);
}

}  // namespace minidfs::storage
