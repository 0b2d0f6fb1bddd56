// Many files are written at once, the small ones in batches.
#include <filesystem>
#include <thread>

#include "unit/client/files_fixture.hpp"

namespace minidfs::client {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

TEST_CASE("Small files go in batches, and the requests do not grow with each file") {
  auto options = quick();
  options.batch_files = 50;
  options.parallel_batches = 2;
  FakeCluster cluster(3, options);
  test::TemporaryDirectory directory;
  std::vector<LocalFile> files;
  for (int i = 0; i < 200; ++i) {
    const auto name = "f" + std::to_string(i);
    const auto size = static_cast<std::size_t>(i % 10) * 3000;  // Every tenth is empty.
    files.push_back({put_local(directory, name, content_of(size, static_cast<unsigned>(i))),
                     "/tree/sub/" + name});
  }
  files.push_back({put_local(directory, "large", content_of(700'000)), "/tree/large"});
  const auto report = cluster.files->write_files(files, {});
  REQUIRE(report.ok());
  CHECK(report->files == 201);
  CHECK(report->copies_min == 3);
  CHECK(cluster.names->requests["commit"] == 5);
  CHECK(cluster.names->requests["allocate"] <= 4 + 3);
  for (const auto& file : files) {
    CHECK(read_all(*cluster.files, file.path) == local_content(file.local_path));
  }

  const auto target = directory.file("copy");
  REQUIRE(cluster.files->read_tree("/tree", target, {}).ok());
  for (const auto& file : files) {
    CHECK(local_content(target + file.path.substr(5)) == local_content(file.local_path));
  }
  const auto again = cluster.files->read_tree("/tree", target, {});
  CHECK(again.error().code == Errc::kAlreadyExists);
}

TEST_CASE("A batch whose first datanode is dead is written to the others") {
  FakeCluster cluster(3, quick());
  cluster.datanodes[1]->stop();
  test::TemporaryDirectory directory;
  std::vector<LocalFile> files;
  for (int i = 0; i < 20; ++i) {
    const auto name = "f" + std::to_string(i);
    files.push_back({put_local(directory, name, content_of(5000)), "/" + name});
  }
  const auto report = cluster.files->write_files(files, {});
  REQUIRE(report.ok());
  CHECK(report->copies_min == 2);
  for (const auto& file : files) CHECK(read_all(*cluster.files, file.path) == content_of(5000));
}

TEST_CASE("An error of one file among many names it") {
  FakeCluster cluster(1, quick());
  test::TemporaryDirectory directory;
  write_text(*cluster.files, "/b", "there");
  const auto local = put_local(directory, "f", "content");
  const auto existing = cluster.files->write_files({{local, "/a"}, {local, "/b"}}, {});
  REQUIRE_FALSE(existing.ok());
  CHECK(existing.error().code == Errc::kAlreadyExists);
  CHECK_THAT(existing.error().message, Catch::Contains("/b"));
  const auto missing = cluster.files->write_files({{directory.file("none"), "/c"}}, {});
  REQUIRE_FALSE(missing.ok());
  CHECK_THAT(missing.error().message, Catch::Contains(directory.file("none")));
}

TEST_CASE("What can be read is stored, whatever length a file is said to have") {
  FakeCluster cluster(2, quick());
  test::TemporaryDirectory directory;
  // A file of /proc says that it is empty.
  const auto content = local_content("/proc/self/limits");
  REQUIRE_FALSE(content.empty());
  const auto small = put_local(directory, "small", "small");
  const auto report = cluster.files->write_files(
      {{"/proc/self/limits", "/t/limits"}, {small, "/t/small"}, {"/proc/version", "/t/version"}},
      {});
  REQUIRE(report.ok());
  CHECK(report->files == 3);
  CHECK(read_all(*cluster.files, "/t/limits") == content);
  CHECK(read_all(*cluster.files, "/t/version") == local_content("/proc/version"));
  CHECK(read_all(*cluster.files, "/t/small") == "small");
}

TEST_CASE(
    "A small file that has become a large one meanwhile, or an empty one, is stored as it is") {
  static constexpr std::size_t kBlock = 64 << 10;
  const auto size = GENERATE(std::size_t{0}, std::size_t{3000}, kBlock, 3 * kBlock + 100);
  FakeCluster cluster(2, quick(kBlock));
  test::TemporaryDirectory directory;
  const auto content = content_of(size);
  const auto path = put_local(directory, "source", "a few bytes");
  const auto other = put_local(directory, "other", "other");
  cluster.names->failure = [&, done = false](const std::string& request) mutable {
    if (request == "allocate" && !std::exchange(done, true)) {
      std::ofstream(path, std::ios::binary) << content;
    }
    return std::optional<Error>();
  };
  const auto report = cluster.files->write_files({{path, "/f"}, {other, "/other"}}, {});
  INFO((report.ok() ? "" : report.error().message));
  REQUIRE(report.ok());
  CHECK(report->files == 2);
  CHECK((read_all(*cluster.files, "/f") == content));
  CHECK(read_all(*cluster.files, "/other") == "other");
}

TEST_CASE("One bad file among many stops none of the others, and each is named") {
  FakeCluster cluster(2, quick());
  test::TemporaryDirectory directory;
  write_text(*cluster.files, "/t/f2", "there");
  cluster.names->directories.insert("/t/f3");
  std::vector<LocalFile> files;
  for (int i = 0; i < 10; ++i) {
    const auto name = "f" + std::to_string(i);
    files.push_back({put_local(directory, name, content_of(i == 7 ? 600'000 : 500)), "/t/" + name});
  }
  files.push_back({directory.file("none"), "/t/none"});
  files.push_back({directory.file("."), "/t/directory"});
  fs::remove(files[5].local_path);
  write_text(*cluster.files, "/t/large", "there");
  files.push_back({put_local(directory, "large", content_of(600'000)), "/t/large"});
  // Gone after it was looked at.
  cluster.names->failure = [&](const std::string& request) -> std::optional<Error> {
    if (request == "allocate") fs::remove(files[6].local_path);
    return std::nullopt;
  };
  std::vector<std::string> failed;
  WriteOptions options;
  options.failed = [&](const Error& error) { failed.push_back(error.message); };

  const bool keep_existing = GENERATE(false, true);
  options.keep_existing = keep_existing;
  const auto report = cluster.files->write_files(files, options);
  INFO((report.ok() ? "" : report.error().message));
  REQUIRE(report.ok());
  CHECK(report->files == 6);
  CHECK(report->kept == (keep_existing ? 2U : 0U));
  std::sort(failed.begin(), failed.end());
  const std::size_t expected = keep_existing ? 5 : 7;
  REQUIRE(failed.size() == expected);
  const auto is_told = [&](const std::string& text) {
    return std::any_of(failed.begin(), failed.end(),
                       [&](const std::string& one) { return one.find(text) != one.npos; });
  };
  CHECK(is_told("/t/f3: is a directory"));
  CHECK(is_told(files[5].local_path));
  CHECK(is_told(files[6].local_path));
  CHECK(is_told(directory.file("none")));
  CHECK(is_told("/t/f2: already exists") == !keep_existing);
  CHECK(is_told("/t/large: already exists") == !keep_existing);
  for (const int i : {0, 1, 4, 7, 8, 9}) {
    const auto& file = files[static_cast<std::size_t>(i)];
    CHECK(read_all(*cluster.files, file.path) == local_content(file.local_path));
  }
}

TEST_CASE("A put of many ends early when there is no cluster, and says how many are left") {
  auto options = quick();
  options.timeout = milliseconds(500);
  FakeCluster cluster(1, options);
  test::TemporaryDirectory directory;
  cluster.namenode.reset();
  const auto local = put_local(directory, "f", "content");
  const auto report = cluster.files->write_files({{local, "/a"}, {local, "/b"}}, {});
  REQUIRE_FALSE(report.ok());
  CHECK_THAT(report.error().message, Catch::Contains("2 of 2 files were not written"));
}

}  // namespace
}  // namespace minidfs::client
