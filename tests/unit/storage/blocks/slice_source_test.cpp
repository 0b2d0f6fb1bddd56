// Replicas whose writers take slices for themselves: they are as others, and whatever happens the
// one who lent the source hears of its end.
#include <cerrno>
#include <thread>

#include "faulty_files.hpp"

namespace minidfs::storage {
namespace {

constexpr BlockId kBlock{1};
constexpr std::size_t kPiece = 4 * std::size_t{kSliceBytes};

// A block's slices in pieces; after each `pause` pieces it has nothing more for now.
class Pieces final : public SliceSource {
 public:
  Pieces(std::vector<std::byte> raw, std::size_t pause) : raw_(std::move(raw)), pause_(pause) {
    encoder_.begin_block(kBlock, 1);
  }
  Slices next() override {
    const std::size_t size = std::min(kPiece, raw_.size() - at_);
    if (size == 0 || given_ == pause_) {
      given_ = 0;
      return {};
    }
    ++given_;
    const auto encoded = encoder_.encode(std::span(raw_).subspan(at_, size));
    at_ += size;
    return {encoded.slices, encoded.stored};
  }
  bool over() const { return at_ == raw_.size(); }

 private:
  const std::vector<std::byte> raw_;  // A disk that hangs may read it for long.
  const std::size_t pause_;
  SliceEncoder encoder_{{}};
  std::size_t at_ = 0;
  std::size_t given_ = 0;
};

// Appends the first piece, upon which the file is opened, and lends the source until it has ended
// or nothing more is taken from it.
void lend(ReplicaWriter& writer, const std::shared_ptr<Pieces>& source) {
  const auto first = source->next();
  const auto memory =
      std::make_shared<std::vector<std::byte>>(first.stored.begin(), first.stored.end());
  REQUIRE(writer.append(first.slices, *memory, memory).ok());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (bool open = false; !source->over();) {
    std::promise<void> done;
    if (writer.append_from(source, [&] { done.set_value(); })) {
      open = true;
      done.get_future().wait();
    } else if (open) {
      return;
    }
    REQUIRE(std::chrono::steady_clock::now() < deadline);
  }
}

BlockStoreOptions options_of(const std::string& directory) {
  auto options = store_options({directory});
  options.durability = Durability::kSync;
  options.write_cache = GENERATE(WriteCache::kCached, WriteCache::kDirect);
  options.disk_timeout = std::chrono::milliseconds(300);
  options.disk_check_interval = std::chrono::milliseconds(50);
  return options;
}

}  // namespace

TEST_CASE("a replica is the same when its writer took the slices for itself") {
  const TemporaryDirectory directory;
  const auto store = open_store(options_of(directory.path()));
  const auto bytes = make_bytes(40 * kPiece + 1000, 1);
  const auto source = std::make_shared<Pieces>(bytes, GENERATE(1UL, 3UL, 100UL));
  const auto writer = *store->create(kBlock, 1, bytes.size());
  lend(*writer, source);
  const auto finished = finish_and_wait(*writer);
  REQUIRE(finished.ok());
  CHECK(finished->length == bytes.size());
  CHECK(*get(*store, kBlock, 1) == bytes);
}

TEST_CASE(
    "a replica whose disk fails or hangs while it takes slices for itself is lost, and says so") {
  const TemporaryDirectory directory;
  FaultyFiles faults;
  const auto store = open_store(options_of(directory.path()));
  const auto bytes = make_bytes(40 * kPiece, 1);
  const auto source = std::make_shared<Pieces>(bytes, 100);
  const auto writer = *store->create(kBlock, 1, bytes.size());
  std::promise<Error> lost;
  writer->on_lost([&](const Error& error) { lost.set_value(error); });
  const bool hangs = GENERATE(false, true);
  faults.set("write " + directory.path() + "/blocks " +
             (hangs ? "hang" : "error=" + std::to_string(ENOSPC)) + " 3145728 3145729");
  lend(*writer, source);
  CHECK(lost.get_future().get().code == (hangs ? Errc::kTimedOut : Errc::kNoSpace));
  faults.heal();
  CHECK(code_of(finish_and_wait(*writer)) == (hangs ? Errc::kTimedOut : Errc::kNoSpace));
}

TEST_CASE("a writer that goes while it takes slices for itself says that it is over") {
  const TemporaryDirectory directory;
  const auto store = open_store(options_of(directory.path()));
  // A source that never ends by itself.
  class Endless final : public SliceSource {
   public:
    Slices next() override {
      const auto encoded = encoder_.encode(raw_);
      return {encoded.slices, encoded.stored};
    }
    SliceEncoder encoder_{{}};
    std::vector<std::byte> raw_ = make_bytes(kPiece, 1);
  };
  auto writer = *store->create(kBlock, 1, 0);
  const auto source = std::make_shared<Endless>();
  source->encoder_.begin_block(kBlock, 1);
  const auto first = source->next();
  const auto memory =
      std::make_shared<std::vector<std::byte>>(first.stored.begin(), first.stored.end());
  REQUIRE(writer->append(first.slices, *memory, memory).ok());
  std::promise<void> done;
  while (!writer->append_from(source, [&] { done.set_value(); })) std::this_thread::yield();
  writer.reset();
  done.get_future().wait();
  // The block may be written anew.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!store->create(kBlock, 1, 0).ok()) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::yield();
  }
}

}  // namespace minidfs::storage
