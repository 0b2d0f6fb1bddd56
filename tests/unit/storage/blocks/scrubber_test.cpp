// Checking what is stored: flipped bytes, missing files, damaged indexes; and keeping what is
// corrupt.
#include "storage/blocks/scrubber.hpp"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "storage/blocks/replica_format.hpp"
#include "store_fixture.hpp"

namespace minidfs::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLarge = 140'000;
constexpr auto kLongest = std::chrono::seconds(60);

void flip(const fs::path& path, std::uint64_t offset, unsigned char mask = 0x10) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(offset));
  char byte = 0;
  file.get(byte);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ static_cast<char>(mask)));
  REQUIRE(file.good());
}

std::size_t size_of(std::uint64_t id) { return id % 4 == 0 ? kLarge + id : 300 * id; }

void fill(BlockStore& store, std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t id = first; id <= last; ++id) {
    REQUIRE(put(store, BlockId{id}, 1, make_bytes(size_of(id), id)).ok());
  }
}

std::set<std::uint64_t> ids(std::initializer_list<std::uint64_t> list) { return list; }

// A scrubber and what it said.
class Scrubbing {
 public:
  explicit Scrubbing(BlockStore& store, std::uint64_t rate_bytes = 0) : store_(store) {
    options_.rate_bytes = rate_bytes;
    options_.found_bad = [this](const ReplicaInfo& replica, const std::string&) {
      const std::lock_guard lock(mutex_);
      bad_.insert(replica.block.value);
      changed_.notify_all();
    };
  }

  ScrubberOptions& options() { return options_; }
  void start() { scrubber_ = std::make_unique<Scrubber>(store_, options_); }
  Scrubber& scrubber() { return *scrubber_; }
  void stop() { scrubber_.reset(); }

  // Requests a round and waits for its end. What it found bad.
  std::set<std::uint64_t> round() {
    if (!scrubber_) start();
    {
      const std::lock_guard lock(mutex_);
      bad_.clear();
    }
    scrubber_->request_round(++number_);
    const auto deadline = std::chrono::steady_clock::now() + kLongest;
    while (scrubber_->progress().last_requested < number_) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      std::this_thread::yield();
    }
    const std::lock_guard lock(mutex_);
    return bad_;
  }

  std::set<std::uint64_t> wait_for_bad(std::size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, kLongest, [&] { return bad_.size() >= count; }));
    return bad_;
  }

 private:
  BlockStore& store_;
  ScrubberOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::uint64_t> bad_;
  std::uint64_t number_ = 0;
  std::unique_ptr<Scrubber> scrubber_;
};

bool any_notice(const BlockStore& store, const std::string& text) {
  const auto notices = store.notices();
  return std::any_of(notices.begin(), notices.end(), [&](const std::string& notice) {
    return notice.find(text) != std::string::npos;
  });
}

}  // namespace

TEST_CASE("a round checks every replica and finds nothing where nothing is wrong") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path() + "/a", directory.path() + "/b"}));
  Scrubbing scrubbing(*store);
  CHECK(scrubbing.round().empty());
  CHECK(scrubbing.scrubber().progress().total == 0);
  fill(*store, 1, 60);
  CHECK(scrubbing.round().empty());
  const ScrubProgress progress = scrubbing.scrubber().progress();
  CHECK(progress.checked == 60);
  CHECK(progress.total == 60);
  CHECK(progress.bad == 0);
  CHECK(progress.last_end_ms > 0);
}

TEST_CASE("a bit flipped anywhere in a replica is found, and nothing else is reported") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  fill(*store, 1, 12);
  Scrubbing scrubbing(*store);
  // Readers have all of them open: the scrubber must not take their word for what is on the disk.
  std::vector<std::shared_ptr<ReplicaReader>> readers;
  for (std::uint64_t id = 1; id <= 12; ++id) {
    readers.push_back(*store->open_replica(BlockId{id}, 1));
  }
  SECTION("in a large replica: data, table and header") {
    const fs::path file = directory.path() + "/blocks/" + large_name(BlockId{8}, 1);
    const std::uint64_t size = fs::file_size(file);
    for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{70'000}, size_of(8) - 1,
                                       size_of(8) + 3, size - 80, size - 40, size - 1}) {
      INFO(offset);
      flip(file, offset);
      CHECK(scrubbing.round() == ids({8}));
      CHECK(scrubbing.scrubber().progress().bad == 1);
      flip(file, offset);
    }
  }
  SECTION("in a pack: any record") {
    const fs::path pack = directory.path() + "/packs/" + pack_name(1);
    const auto first_packed = readers[0];
    for (const std::uint64_t offset :
         {first_packed->stored_offset(0), first_packed->stored_offset(0) - 3,
          first_packed->stored_offset(0) - 100, first_packed->stored_offset(1) - 1}) {
      INFO(offset);
      flip(pack, offset);
      CHECK(scrubbing.round() == ids({1}));
      flip(pack, offset);
    }
    flip(pack, readers[4]->stored_offset(0));
    flip(pack, readers[10]->stored_offset(0) + 5);
    CHECK(scrubbing.round() == ids({5, 11}));
    CHECK(scrubbing.scrubber().progress().checked == 12);
    return;
  }
  CHECK(scrubbing.round().empty());
}

// Replicas that were called bad, and those that were then found whole. Thread-safe.
class Findings {
 public:
  void listen(ScrubberOptions& options) {
    options.finding = [this](const ReplicaInfo& replica) {
      const std::lock_guard lock(mutex_);
      const auto found = bad_.find(replica.block.value);
      return found == bad_.end() ? 0 : found->second;
    };
    options.found_whole = [this](const ReplicaInfo& replica, std::uint64_t finding) {
      const std::lock_guard lock(mutex_);
      whole_[replica.block.value] = finding;
    };
    options.take_called_bad = [this] {
      const std::lock_guard lock(mutex_);
      return std::exchange(called_, {});
    };
  }
  void call_bad(std::uint64_t id, std::uint64_t finding) {
    const std::lock_guard lock(mutex_);
    bad_[id] = finding;
    called_.push_back(BlockId{id});
  }
  std::map<std::uint64_t, std::uint64_t> whole() {
    const std::lock_guard lock(mutex_);
    return whole_;
  }

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, std::uint64_t> bad_;
  std::map<std::uint64_t, std::uint64_t> whole_;
  std::vector<BlockId> called_;
};

TEST_CASE("what was called bad and is whole is told once it has been read") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  fill(*store, 1, 12);
  flip(directory.path() + "/blocks/" + large_name(BlockId{4}, 1), 5);
  Findings findings;
  SECTION("by a round") {
    Scrubbing scrubbing(*store);
    findings.listen(scrubbing.options());
    findings.call_bad(4, 40);
    findings.call_bad(7, 70);
    CHECK(scrubbing.round() == ids({4}));
    CHECK(findings.whole() == std::map<std::uint64_t, std::uint64_t>{{7, 70}});
  }
  SECTION("between rounds") {
    Scrubbing scrubbing(*store, 1 << 30);
    scrubbing.options().look_interval = std::chrono::milliseconds(5);
    findings.listen(scrubbing.options());
    scrubbing.start();
    const auto deadline = std::chrono::steady_clock::now() + kLongest;
    while (scrubbing.scrubber().progress().last_end_ms == 0) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      std::this_thread::yield();
    }
    findings.call_bad(99, 1);  // Is not here.
    findings.call_bad(8, 80);
    while (findings.whole().empty()) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      std::this_thread::yield();
    }
    CHECK(findings.whole() == std::map<std::uint64_t, std::uint64_t>{{8, 80}});
  }
}

TEST_CASE("replicas whose files are gone or cut are found, also without a round") {
  const TemporaryDirectory directory;
  auto options = store_options({directory.path()});
  options.pack_size_bytes = 8 << 10;
  const auto store = open_store(options);
  fill(*store, 1, 12);
  std::set<std::uint64_t> expected{4, 8};
  fs::remove(directory.path() + "/blocks/" + large_name(BlockId{4}, 1));
  const fs::path cut = directory.path() + "/blocks/" + large_name(BlockId{8}, 1);
  fs::resize_file(cut, fs::file_size(cut) - 1);
  fs::remove(directory.path() + "/packs/" + pack_name(2));
  for (std::uint64_t id = 1; id <= 12; ++id) {
    if (!get(*store, BlockId{id}, 1).ok()) expected.insert(id);
  }
  REQUIRE(expected.size() > 3);
  {
    Scrubbing looking(*store);
    looking.start();
    CHECK(looking.wait_for_bad(expected.size()) == expected);
    CHECK(looking.scrubber().progress().checked == 0);
  }
  Scrubbing scrubbing(*store);
  CHECK(scrubbing.round() == expected);
}

TEST_CASE("in the background replicas are read at a bounded rate") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  fill(*store, 1, 40);
  for (const std::uint64_t id : {4, 40}) {
    flip(directory.path() + "/blocks/" + large_name(BlockId{id}, 1), 5);
  }
  // At this rate the ten large replicas take half a minute.
  Scrubbing scrubbing(*store, 50'000);
  scrubbing.start();
  CHECK(scrubbing.wait_for_bad(1) == ids({4}));
  CHECK(scrubbing.scrubber().progress().checked < 20);
  CHECK(scrubbing.scrubber().progress().last_end_ms == 0);
  // A request does not wait for it.
  CHECK(scrubbing.round() == ids({4, 40}));
  // Nor does the end of the process.
  scrubbing.start();
  scrubbing.wait_for_bad(1);
  const auto begin = std::chrono::steady_clock::now();
  scrubbing.stop();
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}

TEST_CASE("a round goes on after a restart where it was, and the next one is not begun early") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  fill(*store, 1, 300);
  for (const std::uint64_t id : {4, 300}) {
    flip(directory.path() + "/blocks/" + large_name(BlockId{id}, 1), 5);
  }
  Scrubbing first(*store, 1ULL << 40);
  // The first page of 256 replicas takes 384 reads; soon after it each read takes a second.
  std::atomic<int> reads{0};
  first.options().busy = [&] { return ++reads > 400; };
  first.options().state_file = directory.path() + "/scrub";
  first.start();
  const auto deadline = std::chrono::steady_clock::now() + kLongest;
  while (first.scrubber().progress().checked < 257) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::yield();
  }
  first.stop();
  Scrubbing second(*store, 1ULL << 40);
  second.options().state_file = directory.path() + "/scrub";
  second.start();
  CHECK(second.wait_for_bad(1) == ids({300}));
  while (second.scrubber().progress().last_end_ms == 0) std::this_thread::yield();
  const ScrubProgress ended = second.scrubber().progress();
  CHECK(ended.checked <= 44);
  second.stop();
  Scrubbing third(*store, 1ULL << 40);
  third.options().state_file = directory.path() + "/scrub";
  third.start();
  while (third.scrubber().progress().last_end_ms == 0) std::this_thread::yield();
  CHECK(third.scrubber().progress().last_end_ms == ended.last_end_ms);
  CHECK(third.scrubber().progress().checked == 0);
}

// Ids say nothing of age: each leadership of a namenode grants them from a mark of its own.
TEST_CASE(
    "what is stored while a round runs is checked before the round goes on, whatever its id") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  const std::uint64_t id = GENERATE(2, 1000);
  fill(*store, 3, 43);
  Scrubbing scrubbing(*store, 50'000);
  scrubbing.start();
  const auto deadline = std::chrono::steady_clock::now() + kLongest;
  while (scrubbing.scrubber().progress().checked == 0) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::yield();
  }
  flip(directory.path() + "/blocks/" + large_name(BlockId{40}, 1), 5);
  REQUIRE(put(*store, BlockId{id}, 1, make_bytes(kLarge, 9)).ok());
  flip(directory.path() + "/blocks/" + large_name(BlockId{id}, 1), 5);
  CHECK(scrubbing.wait_for_bad(1) == ids({id}));
}

TEST_CASE("what was finished is taken once, the newest first") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  for (const std::uint64_t id : {7, 3, 9, 5}) {
    REQUIRE(put(*store, BlockId{id}, 1, make_bytes(100, id)).ok());
  }
  REQUIRE(store->remove(BlockId{9}, 1).ok());
  const auto first = store->take_new(2);
  REQUIRE(first.size() == 2);
  CHECK(first[0].block == BlockId{5});
  CHECK(first[1].block == BlockId{3});
  CHECK(store->take_new(9).size() == 1);
  CHECK(store->take_new(9).empty());
}

TEST_CASE("a busy node is scrubbed slowly, unless somebody asks for it") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  fill(*store, 1, 40);
  std::atomic<std::uint64_t> asked{0};
  Scrubbing scrubbing(*store, 1ULL << 40);
  scrubbing.options().busy = [&] {
    ++asked;
    return true;
  };
  scrubbing.start();
  while (asked < 5) std::this_thread::yield();
  CHECK(scrubbing.scrubber().progress().checked < 20);
  CHECK(scrubbing.round().empty());
}

TEST_CASE("a damaged index is found by a check and made anew while the store works") {
  const TemporaryDirectory directory;
  const auto options = store_options({directory.path()});
  { fill(*open_store(options), 1, 400); }
  const std::string index = directory.path() + "/index.db";
  {
    const auto store = open_store(options);
    // Bits all over the tables, but not in the first page, which SQLite keeps open.
    for (std::uint64_t at = 4096 + 200; at < fs::file_size(index); at += 101) flip(index, at);
    Scrubbing scrubbing(*store);
    CHECK(scrubbing.round().empty());
    const auto deadline = std::chrono::steady_clock::now() + kLongest;
    while (!any_notice(*store, "made anew")) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      std::this_thread::yield();
    }
    CHECK(fs::exists(index + ".damaged-1"));
    fill(*store, 401, 420);
    REQUIRE(store->remove(BlockId{1}, 1).ok());
  }
  const auto store = open_store(options);
  // The new index was whole: nothing had to be taken in.
  CHECK(store->notices().empty());
  CHECK(store->usage().replicas == 419);
  for (std::uint64_t id = 2; id <= 420; id += 11) CHECK(store->verify(BlockId{id}, 1).ok());
}

TEST_CASE("a replica that is set aside is gone from the store and kept beside it") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  fill(*store, 1, 8);
  const fs::path large = directory.path() + "/blocks/" + large_name(BlockId{4}, 1);
  flip(large, 5);
  std::ifstream in(large, std::ios::binary);
  const std::string content(std::istreambuf_iterator<char>(in), {});
  CHECK(store->set_aside(BlockId{4}, 1).ok());
  CHECK(store->set_aside(BlockId{5}, 3).ok());
  CHECK(code_of(store->set_aside(BlockId{99}, 1)) == Errc::kNotFound);
  CHECK(code_of(store->set_aside(BlockId{6}, 0)) == Errc::kStale);
  CHECK(store->usage().replicas == 6);
  CHECK_FALSE(fs::exists(large));
  const std::string kept = directory.path() + "/corrupt/" + large_name(BlockId{4}, 1);
  std::ifstream copy(kept, std::ios::binary);
  CHECK(std::string(std::istreambuf_iterator<char>(copy), {}) == content);
  const std::string record = directory.path() + "/corrupt/" + large_name(BlockId{5}, 1) + ".record";
  CHECK(fs::file_size(record) == file_bytes({BlockId{5}, 1, size_of(5), size_of(5)}));
  CHECK(files_in(directory.path() + "/corrupt").size() == 2);
  CHECK(put(*store, BlockId{4}, 1, make_bytes(kLarge, 1)).ok());
}

}  // namespace minidfs::storage
