#include "storage/namespace/namenode_directory.hpp"

#include <filesystem>

#include "base/file.hpp"
#include "storage/version_file.hpp"
#include "unit/storage/namespace/namespace_fixture.hpp"

namespace minidfs::storage {
namespace {

using metadata::LifeId;
using test::must;
using test::NamespaceDirectory;

NamenodeDirectory claim(const std::string& path) { return must(claim_namenode_directory(path)); }

TEST_CASE("The life of a namespace is kept in its directory") {
  const NamespaceDirectory place;
  const std::string path = place.file("namenode");
  ClusterId cluster;
  {
    NamenodeDirectory directory = claim(path);
    CHECK(directory.formatted);
    CHECK(directory.life.is_none());
    cluster = directory.cluster;
    must(note_life(directory, LifeId{3, 4}));
  }
  const NamenodeDirectory again = claim(path);
  CHECK(again.life == LifeId{3, 4});
  CHECK(again.cluster == cluster);
}

TEST_CASE("A directory of format 1 has no life and is given one") {
  const NamespaceDirectory place;
  const std::string path = place.file("namenode");
  std::filesystem::create_directories(path + "/raft");
  must(replace_file(
      path + "/VERSION",
      format_version(1, {{"role", "namenode"}, {"cluster", "000000000000000000000000000000ff"}})));
  {
    NamenodeDirectory directory = claim(path);
    CHECK(directory.cluster == ClusterId{0, 255});
    CHECK(directory.life.is_none());
    must(note_life(directory, LifeId{3, 4}));
  }
  CHECK(claim(path).life == LifeId{3, 4});
}

TEST_CASE("A directory of an older format is of the present one as soon as it is claimed") {
  const NamespaceDirectory place;
  const std::string path = place.file("namenode");
  std::filesystem::create_directories(path + "/raft");
  storage::VersionFields fields{{"role", "namenode"}, {"cluster", std::string(31, '0') + "7"}};
  const bool with_life = GENERATE(false, true);
  if (with_life) fields.emplace_back("life", std::string(31, '0') + "9");
  must(replace_file(path + "/VERSION", format_version(with_life ? 2 : 1, fields)));
  const LifeId life = claim(path).life;
  CHECK(life == (with_life ? LifeId{0, 9} : LifeId{}));
  CHECK(must(read_file(path + "/VERSION", 4096)) == namenode_version_file(ClusterId{0, 7}, life));
  CHECK(claim(path).life == life);
}

TEST_CASE("A backup, which has no log, gets an empty one") {
  const NamespaceDirectory place;
  const std::string path = place.file("namenode");
  { const NamenodeDirectory directory = claim(path); }
  std::filesystem::remove_all(path + "/raft");
  CHECK(std::filesystem::is_empty(claim(path).log_path()));
}

TEST_CASE("A directory that is to join stays blank until it has joined, and knows as whom") {
  const NamespaceDirectory place;
  const std::string path = place.file("namenode");
  {
    NamenodeDirectory directory = must(claim_namenode_directory(path, Blank::kKeep));
    CHECK(directory.blank);
    CHECK_FALSE(std::filesystem::exists(path + "/VERSION"));
    must(format_joined(directory, ClusterId{0, 7}, {42, 9}));
  }
  NamenodeDirectory again = must(claim_namenode_directory(path, Blank::kKeep));
  CHECK_FALSE(again.blank);
  CHECK_FALSE(again.formatted);
  CHECK(again.cluster == ClusterId{0, 7});
  CHECK(again.joined == JoinedAs{42, 9});
  must(note_life(again, LifeId{3, 4}));
  again = {};
  CHECK(claim(path).joined == JoinedAs{42, 9});
}

TEST_CASE("A directory of format 3 belongs to a cluster of its own") {
  const NamespaceDirectory place;
  const std::string path = place.file("namenode");
  std::filesystem::create_directories(path + "/raft");
  const VersionFields fields{{"role", "namenode"},
                             {"cluster", std::string(31, '0') + "7"},
                             {"life", std::string(31, '0') + "9"}};
  must(replace_file(path + "/VERSION", format_version(3, fields)));
  const NamenodeDirectory directory = claim(path);
  CHECK(directory.life == LifeId{0, 9});
  CHECK(directory.joined == JoinedAs{});
  CHECK(must(read_file(path + "/VERSION", 4096)) ==
        namenode_version_file(ClusterId{0, 7}, LifeId{0, 9}));
}

}  // namespace
}  // namespace minidfs::storage
