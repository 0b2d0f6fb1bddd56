// What the asynchronous driver is for: hundreds of reads and writes on one thread, of which each
// ends by itself, whatever its datanode does.
#include "transfer/async_pipeline_writer.hpp"
#include "transfer/async_replica_client.hpp"
// The above come first: see net/asio.hpp.
#include <sys/ioctl.h>

#include <boost/asio/detached.hpp>

#include "support/threads.hpp"
#include "unit/transfer/answers.hpp"
#include "unit/transfer/raw_peer.hpp"

namespace minidfs::transfer {
namespace {

using std::chrono::milliseconds;
constexpr std::size_t kSlice = storage::kSliceBytes;
constexpr milliseconds kPatient{3'600'000};

// How an operation ended.
struct Ended {
  std::optional<Status> status;
  std::string bytes;
};

// What all operations of a test share. One thread runs it.
struct Driver {
  asio::io_context io{1};
  std::size_t under_way = 0;
  std::function<void()> one_ended = [] {};

  void end(Ended& how, Status status) {
    how.status = std::move(status);
    --under_way;
    one_ended();
  }
};

asio::awaitable<Status> try_to_read(AsyncReplicaClient& client, ReadRequest request,
                                    std::string& bytes) {
  Status opened = co_await client.open();
  if (!opened.ok()) co_return opened;
  Status requested = co_await client.request(std::span(&request, 1));
  if (!requested.ok()) co_return requested;
  const ByteSink sink = [&](std::span<const std::byte> part) {
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
    return Status();
  };
  auto ended = co_await client.receive(sink);
  co_return *std::move(ended);
}

asio::awaitable<void> read(Driver& driver, std::shared_ptr<AsyncReplicaClient> client,
                           ReadRequest request, Ended& how) {
  Status status = co_await try_to_read(*client, request, how.bytes);
  driver.end(how, std::move(status));
}

asio::awaitable<Status> try_to_write(AsyncPipelineWriter& writer, BlockId block,
                                     const std::string& bytes) {
  Status status = co_await writer.open();
  if (status.ok()) status = writer.begin_block(block, kGeneration, 0);
  if (!status.ok()) co_return status;
  storage::SliceEncoder encoder({});
  encoder.begin_block(block, kGeneration);
  const auto all = std::as_bytes(std::span(bytes));
  for (std::size_t at = 0; at < all.size(); at += 4 * kSlice) {
    const auto encoded = encoder.encode(all.subspan(at, std::min(all.size() - at, 4 * kSlice)));
    status = co_await writer.append(encoded.slices, encoded.stored);
    if (!status.ok()) co_return status;
  }
  status = co_await writer.end_block();
  if (!status.ok()) co_return status;
  auto ack = co_await writer.wait_ack();
  if (!ack.ok()) co_return std::move(ack).error();
  for (std::size_t i = 0; i < ack->stored.size(); ++i) {
    if (!ack->stored[i]) co_return Error{ack->codes[i], ack->errors[i]};
  }
  co_return Status();
}

asio::awaitable<void> write(Driver& driver, std::shared_ptr<AsyncPipelineWriter> writer,
                            BlockId block, const std::string& bytes, Ended& how) {
  Status status = co_await try_to_write(*writer, block, bytes);
  driver.end(how, std::move(status));
}

// Accepts so many connections and says the same to each.
class Parrot {
 public:
  enum class Then : std::uint8_t { kHangs, kCloses };

  Parrot(std::size_t connections, std::string words, Then then)
      : thread_([this, connections, words = std::move(words), then] {
          for (std::size_t i = 0; i < connections; ++i) {
            accepted_.push_back(listener_.accept());
            accepted_.back().send(words);
            if (then == Then::kCloses) accepted_.back().close();
          }
        }) {}
  ~Parrot() { thread_.join(); }
  metadata::Endpoint endpoint() const { return listener_.endpoint(); }

 private:
  SilentListener listener_;
  std::vector<RawPeer> accepted_;
  std::thread thread_;
};

std::string welcome() {
  std::string out;
  append_frame(out, FrameType::kWelcome, Welcome{});
  return out;
}

TEST_CASE("Two hundred reads and writes run on one thread, and bad datanodes hold nobody up") {
  constexpr std::size_t kGood = 80;  // Reads, and as many writes.
  constexpr std::size_t kBad = 5;    // Of each kind, for each bad datanode.
  const std::string bytes = random_bytes(9 * kSlice + 77);
  const auto whole_block = [&](BlockId block) {
    return ReadRequest{block, kGeneration, 0, bytes.size(), bytes.size()};
  };
  const auto nodes = make_nodes(3);
  write_block(*open_writer({nodes[0]->endpoint()}), BlockId{1}, bytes);
  // What the bad ones say answers a read of block 1, or is nonsense to a writer.
  const std::string answer = welcome() + answer_to(whole_block(BlockId{1}), bytes);
  std::string wrong = answer;
  wrong[wrong.size() - 5 * kSlice] ^= 1;
  const auto half = answer.substr(0, answer.size() / 2);
  const SilentListener silent;
  Parrot hangs(2 * kBad, half, Parrot::Then::kHangs);
  Parrot hangs_after_greeting(kBad, welcome(), Parrot::Then::kHangs);
  Parrot lies(kBad, wrong, Parrot::Then::kHangs);
  Parrot babbles(2 * kBad, welcome() + std::string(100, '\xff'), Parrot::Then::kHangs);
  Parrot closes(2 * kBad, half, Parrot::Then::kCloses);

  Driver driver;
  const auto executor = asio::any_io_executor(driver.io.get_executor());
  ConnectionOptions patient{.cluster = kCluster, .progress_timeout = kPatient};
  ConnectionOptions hasty{.cluster = kCluster, .progress_timeout = milliseconds(200)};
  std::deque<Ended> good, bad_bytes, closed, late, cancelled;
  const auto start_read = [&](const metadata::Endpoint& node, const ConnectionOptions& options,
                              std::deque<Ended>& ends) {
    const auto reader = std::make_shared<AsyncReplicaClient>(executor, node, options);
    ++driver.under_way;
    asio::co_spawn(driver.io, read(driver, reader, whole_block(BlockId{1}), ends.emplace_back()),
                   asio::detached);
    return reader;
  };
  std::uint64_t next_block = 2;
  const auto start_write = [&](std::vector<metadata::Endpoint> targets,
                               const ConnectionOptions& options, std::deque<Ended>& ends) {
    const auto writer = std::make_shared<AsyncPipelineWriter>(executor, targets, options);
    ++driver.under_way;
    asio::co_spawn(driver.io,
                   write(driver, writer, BlockId{next_block++}, bytes, ends.emplace_back()),
                   asio::detached);
    return writer;
  };
  std::vector<std::function<void()>> cancels;
  for (std::size_t i = 0; i < kBad; ++i) {
    const auto reader = start_read(hangs.endpoint(), patient, cancelled);
    const auto writer = start_write({hangs_after_greeting.endpoint()}, patient, cancelled);
    cancels.emplace_back([reader] { reader->cancel(); });
    cancels.emplace_back([writer] { writer->cancel(); });
    start_read(hangs.endpoint(), hasty, late);
    start_read(silent.endpoint(), hasty, late);
    start_write({silent.endpoint()}, hasty, late);
    start_read(lies.endpoint(), patient, bad_bytes);
    start_read(babbles.endpoint(), patient, bad_bytes);
    start_write({babbles.endpoint()}, patient, bad_bytes);
    start_read(closes.endpoint(), patient, closed);
    start_write({closes.endpoint()}, patient, closed);
  }
  for (std::size_t i = 0; i < kGood; ++i) {
    start_read(nodes[0]->endpoint(), patient, good);
    start_write({nodes[i % 3]->endpoint(), nodes[(i + 1) % 3]->endpoint()}, patient, good);
  }
  // Those that would wait for an hour are cancelled when all others have ended.
  driver.one_ended = [&] {
    if (driver.under_way != cancels.size()) return;
    for (const auto& cancel : std::exchange(cancels, {})) cancel();
  };
  const auto threads = test::threads_of_this_process();
  std::ptrdiff_t threads_max = 0;
  while (driver.io.run_one() > 0)
    threads_max = std::max(threads_max, test::threads_of_this_process());
  CHECK(threads_max <= threads);
  CHECK(driver.under_way == 0);

  const auto code_of = [](const Ended& how) {
    return !how.status || how.status->ok() ? Errc::kInternal : how.status->error().code;
  };
  for (const auto& how : good) {
    REQUIRE(how.status.has_value());
    INFO((how.status->ok() ? "" : how.status->error().message));
    CHECK(how.status->ok());
    CHECK((how.bytes.empty() || how.bytes == bytes));
  }
  for (const auto& how : late) CHECK(code_of(how) == Errc::kTimedOut);
  for (const auto& how : cancelled) CHECK(code_of(how) == Errc::kCancelled);
  for (const auto& how : bad_bytes) {
    CHECK((code_of(how) == Errc::kProtocol || code_of(how) == Errc::kCorrupt));
    CHECK(bytes.starts_with(how.bytes));
  }
  for (const auto& how : closed) {
    // To a writer the answer of a read is nonsense, if it sees it before the end.
    CHECK((code_of(how) == Errc::kUnavailable || code_of(how) == Errc::kProtocol));
    CHECK(bytes.starts_with(how.bytes));
  }
}

TEST_CASE(
    "A peer that takes nothing is given up after one time-out, though its kernel takes some") {
  constexpr std::size_t kWriters = 8;
  const std::string bytes = random_bytes(16 * kSlice);
  Parrot hangs(kWriters, welcome(), Parrot::Then::kHangs);
  ConnectionOptions options{.cluster = kCluster, .progress_timeout = std::chrono::seconds(2)};
  Driver driver;
  std::deque<AsyncPipelineWriter> writers;
  std::deque<std::optional<Status>> ends(kWriters);
  std::chrono::nanoseconds longest{0};  // Of an append that was said to have succeeded.
  // With appends of many sizes, so that what is left of one fits sometimes.
  for (std::size_t i = 0; i < kWriters; ++i) {
    auto& writer =
        writers.emplace_back(driver.io.get_executor(), std::vector{hangs.endpoint()}, options);
    asio::co_spawn(
        driver.io,
        [&, i]() -> asio::awaitable<void> {
          Status status = co_await writer.open();
          if (status.ok()) status = writer.begin_block(BlockId{i + 1}, kGeneration, 0);
          storage::SliceEncoder encoder({});
          encoder.begin_block(BlockId{i + 1}, kGeneration);
          while (status.ok()) {
            const auto part = std::as_bytes(std::span(bytes)).first((2 * i + 1) * kSlice);
            const auto encoded = encoder.encode(part);
            const auto start = std::chrono::steady_clock::now();
            status = co_await writer.append(encoded.slices, encoded.stored);
            const auto took = std::chrono::steady_clock::now() - start;
            if (status.ok()) longest = std::max<std::chrono::nanoseconds>(longest, took);
          }
          ends[i] = status;
          ++driver.under_way;
        },
        asio::detached);
  }
  while (driver.under_way < kWriters && driver.io.run_one() > 0) continue;
  for (const auto& end : ends) {
    REQUIRE(end.has_value());
    CHECK(end->error().code == Errc::kTimedOut);
  }
  CHECK(longest < options.progress_timeout);
}

TEST_CASE("A writer that waits for its source gives signs of life by its loop") {
  auto options = pipeline_server();
  Node node(options);
  Driver driver;
  AsyncPipelineWriter writer(driver.io.get_executor(), {node.endpoint()}, good_client());
  std::optional<Result<BlockAck>> ack;
  bool over = false;
  asio::co_spawn(
      driver.io,
      [&]() -> asio::awaitable<void> {
        Status status = co_await writer.open();
        if (status.ok()) status = writer.begin_block(BlockId{1}, kGeneration, 0);
        storage::SliceEncoder encoder({});
        encoder.begin_block(BlockId{1}, kGeneration);
        const std::string bytes = random_bytes(kSlice);
        for (int i = 0; i < 2 && status.ok(); ++i) {
          const auto encoded = encoder.encode(std::as_bytes(std::span(bytes)));
          status = co_await writer.append(encoded.slices, encoded.stored);
          asio::steady_timer source(driver.io, 2 * options.progress_timeout);
          co_await source.async_wait(asio::use_awaitable);
        }
        if (status.ok()) status = co_await writer.end_block();
        if (!status.ok()) co_return;
        auto answer = co_await writer.wait_ack();
        ack.emplace(std::move(answer));
      },
      [&](const std::exception_ptr&) { over = true; });
  while (!over && driver.io.run_one() > 0) continue;
  REQUIRE(ack.has_value());
  REQUIRE(ack->ok());
  CHECK((*ack)->stored == std::vector<bool>{true});
}

TEST_CASE("Small blocks that follow each other at once travel together") {
  SilentListener listener;
  Driver driver;
  AsyncPipelineWriter writer(driver.io.get_executor(), {listener.endpoint()}, good_client());
  const bool ends_with_ack = GENERATE(false, true);
  std::optional<RawPeer> peer;
  const auto standing = [&] {
    int bytes = 0;
    REQUIRE(::ioctl(peer->fd(), FIONREAD, &bytes) == 0);
    return bytes;
  };
  std::vector<int> arrived;  // Before, with blocks on the way, and at the end.
  std::optional<Result<BlockAck>> ack;
  bool over = false;
  asio::co_spawn(
      driver.io,
      [&]() -> asio::awaitable<void> {
        Status status = co_await writer.open();
        arrived.push_back(standing());
        storage::SliceEncoder encoder({});
        const std::string bytes = random_bytes(100);
        for (std::uint64_t i = 1; i <= 3 && status.ok(); ++i) {
          const bool last = i == 3 && !ends_with_ack;
          status = writer.begin_block(BlockId{i}, kGeneration, 0);
          encoder.begin_block(BlockId{i}, kGeneration);
          const auto encoded = encoder.encode(std::as_bytes(std::span(bytes)));
          if (status.ok()) status = co_await writer.append(encoded.slices, encoded.stored);
          arrived.push_back(standing());
          using Next = AsyncPipelineWriter::Next;
          if (status.ok())
            status = co_await writer.end_block(last ? Next::kSomeDay : Next::kAtOnce);
        }
        if (!ends_with_ack) co_return;
        asio::post(driver.io, [&] {
          arrived.push_back(standing());
          peer->close();
        });
        auto answer = co_await writer.wait_ack();
        ack.emplace(std::move(answer));
      },
      [&](const std::exception_ptr&) { over = true; });
  while (!over && driver.io.run_one() > 0) {
    pollfd waiting{listener.fd(), POLLIN, 0};
    if (peer || ::poll(&waiting, 1, 0) != 1) continue;
    peer = listener.accept();
    peer->send(welcome());
  }
  if (!ends_with_ack) arrived.push_back(standing());
  REQUIRE(arrived.size() == 5);
  CHECK(arrived[3] == arrived[0]);
  CHECK(arrived[4] > arrived[0] + 300);
  if (ends_with_ack) CHECK(!ack->ok());
}

TEST_CASE("A reader that has no more patience can go on where it was") {
  const std::string bytes = random_bytes(2 * kSlice);
  const ReadRequest request{BlockId{1}, kGeneration, 0, bytes.size()};
  const auto answer = welcome() + answer_to(request, bytes);
  SilentListener listener;
  Driver driver;
  AsyncReplicaClient client(driver.io.get_executor(), listener.endpoint(), good_client());
  std::string got;
  std::vector<std::size_t> got_at_stalls;
  std::optional<Status> ended;
  // The peer sends the rest only when its reader has run out of patience twice.
  std::optional<RawPeer> peer;
  asio::co_spawn(
      driver.io,
      [&]() -> asio::awaitable<void> {
        Status opened = co_await client.open();
        if (opened.ok()) opened = co_await client.request(std::span(&request, 1));
        if (!opened.ok()) co_return;
        const ByteSink sink = [&](std::span<const std::byte> part) {
          got.append(reinterpret_cast<const char*>(part.data()), part.size());
          return Status();
        };
        for (;;) {
          ended = co_await client.receive(sink, milliseconds(20));
          if (ended) break;
          got_at_stalls.push_back(got.size());
          if (got_at_stalls.size() == 2) peer->send(answer.substr(answer.size() - 100));
        }
      },
      asio::detached);
  // The kernel has let it in before it is accepted.
  while (!peer && driver.io.run_one() > 0) {
    pollfd waiting{listener.fd(), POLLIN, 0};
    if (::poll(&waiting, 1, 0) != 1) continue;
    peer = listener.accept();
    peer->send(answer.substr(0, answer.size() - 100));
  }
  while (!ended && driver.io.run_one() > 0) continue;
  REQUIRE(ended.has_value());
  CHECK(ended->ok());
  CHECK(got == bytes);
  CHECK(got_at_stalls.size() >= 2);
  CHECK(got_at_stalls[1] <= kSlice);
  CHECK(client.usable());
}

TEST_CASE(
    "A connection goes from one loop to another, and of two the one that can be read is told") {
  Node node;
  write_block(*open_writer({node.endpoint()}), BlockId{1}, "hello");
  const auto opened_on = [&](asio::io_context& io) {
    auto client =
        std::make_unique<AsyncReplicaClient>(io.get_executor(), node.endpoint(), good_client());
    Status status = Error{Errc::kInternal, ""};
    bool over = false;
    asio::co_spawn(
        io, [&]() -> asio::awaitable<void> { status = co_await client->open(); },
        [&](const std::exception_ptr&) { over = true; });
    while (!over) io.run_one();
    REQUIRE(status.ok());
    client->leave_loop();
    return client;
  };
  asio::io_context io(1);  // Outlives them.
  std::optional<asio::io_context> first_loop(1);
  const auto one = opened_on(*first_loop);
  auto other = opened_on(*first_loop);
  first_loop.reset();  // Neither needs it any more.
  one->join_loop(io.get_executor());
  other->join_loop(io.get_executor());
  std::string told;
  one->when_readable([&] { told += "one"; });
  other->when_readable([&] { told += "other"; });
  io.poll();
  CHECK(told.empty());
  const ReadRequest request{BlockId{1}, kGeneration, 0, 5};
  REQUIRE(other->begin_request(std::span(&request, 1)).ok());
  io.restart();
  io.run_one_for(std::chrono::seconds(20));
  CHECK(told == "other");
  // And it is received by those who block, on a loop of theirs.
  other->leave_loop();
  const auto blocking = ReplicaClient::adopt(std::move(other));
  REQUIRE(blocking.ok());
  CHECK(*receive_all(**blocking) == "hello");
  CHECK(read_range(**blocking, BlockId{1}, 1, 3).value() == "ell");
}

}  // namespace
}  // namespace minidfs::transfer
