#include "client/read/block_reader.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "base/random_id.hpp"
#include "net/answer.hpp"
#include "net/wait.hpp"

namespace minidfs::client {
namespace {

using Kind = ReadCommand::Kind;
using Clock = std::chrono::steady_clock;
using transfer::AsyncReplicaClient;

// A request that has waited longer may have lost its connection for that reason alone.
constexpr std::chrono::milliseconds kAheadMax{500};

// Second requests of all readers of one client at a time.
constexpr int kHedgesMax = 16;

class CountedHedge {
 public:
  explicit CountedHedge(std::atomic<int>& count) : count_(count), number_(++count) {}
  ~CountedHedge() { --count_; }
  CountedHedge(const CountedHedge&) = delete;
  CountedHedge& operator=(const CountedHedge&) = delete;
  int number() const { return number_; }

 private:
  std::atomic<int>& count_;
  int number_;
};

}  // namespace

BlockReader::BlockReader(const asio::any_io_executor& executor, ClientContext& context,
                         const std::string& path, FailedNodes& failed_nodes,
                         const metadata::LocatedBlock& block, std::uint64_t offset,
                         std::uint64_t length)
    : executor_(executor),
      context_(context),
      path_(path),
      failed_nodes_(failed_nodes),
      block_(block.block),
      block_begin_(block.offset),
      offset_(offset),
      length_(length),
      policy_(block.block.id, block.locations, context.options.hedge_after,
              context.options.timeout) {}

bool BlockReader::is_suspect(NodeId node) const {
  return failed_nodes_.contains(node) || context_.health.is_suspect(node);
}

void BlockReader::tell(const ReadEvent& event) {
  obey(policy_.step(
      command_.epoch, event, [this](NodeId node) { return is_suspect(node); }, Clock::now()));
}

void BlockReader::obey(ReadCommand command) {
  command_ = std::move(command);
  if (!command_.blamed) return;
  failed_nodes_.insert(*command_.blamed);
  context_.health.note_slow(*command_.blamed);
}

void BlockReader::tell_failed(Error why, bool opening, bool stood_still) {
  connection_.client.reset();
  if (why.code == Errc::kCorrupt) bad_at_ = done_;
  ReplicaFailed failed;
  failed.why = std::move(why);
  failed.bytes = done_;
  failed.opening = opening;
  failed.stood_still = stood_still;
  failed.random = random_128().low;
  tell(failed);
}

// There is no sense in going on.
void BlockReader::end(Error why) {
  ended_ = true;
  tell(ReadCancelled{std::move(why)});
}

void BlockReader::cancel() {
  cancelled_ = true;
  if (connection_.client) connection_.client->cancel();
  if (rival_.client) rival_.client->cancel();
  if (end_wait_) end_wait_();
}

transfer::ReadRequest BlockReader::missing() const {
  return {block_.id, block_.generation, offset_ + done_, length_ - done_, block_.length};
}

asio::awaitable<void> BlockReader::open() {
  Status opened = co_await connect(connection_);
  requested_at_ = Clock::now();
  if (!opened.ok()) tell_failed(std::move(opened).error(), true, connection_.reused);
}

// To the replica of the command, which is asked for the missing bytes.
asio::awaitable<Status> BlockReader::connect(Connection& connection) {
  const auto datanode = command_.location->data;
  connection.client = command_.fresh ? nullptr : context_.replicas.take_idle(datanode);
  connection.reused = connection.client != nullptr;
  if (connection.reused) {
    connection.client->join_loop(executor_);
  } else {
    const auto options = context_.replicas.options(command_.patience);
    if (!options.ok()) co_return options.error();
    connection.client = std::make_unique<AsyncReplicaClient>(executor_, datanode, *options);
    Status opened = co_await connection.client->open();
    if (!opened.ok()) co_return opened;
  }
  Status requested = co_await request_of(*connection.client);
  co_return requested;
}

asio::awaitable<Status> BlockReader::request_of(AsyncReplicaClient& client) {
  if (asks_for_sum_) {
    if (!client.can_sum()) co_return Status();
    const transfer::SumBlock whole{block_.id, block_.generation, block_.length};
    Status asked = co_await client.request_sum(whole);
    co_return asked;
  }
  const auto request = missing();
  Status requested = co_await client.request(std::span(&request, 1));
  co_return requested;
}

// As it is not new, or has waited for long.
bool BlockReader::may_have_stood_still() const {
  return connection_.reused || Clock::now() - requested_at_ > kAheadMax;
}

// For the next reader, if it can be used again.
void BlockReader::give_back(const metadata::Endpoint& datanode) {
  if (connection_.client->usable()) {
    connection_.client->leave_loop();
    context_.replicas.give_back(datanode, std::move(connection_.client));
  }
  connection_.client.reset();
}

asio::awaitable<void> BlockReader::request_ahead() {
  obey(policy_.start([this](NodeId node) { return is_suspect(node); }));
  if (command_.kind == Kind::kAsk) co_await open();
}

void BlockReader::avoid_failed_node() {
  if (!is_open() || !failed_nodes_.contains(command_.location->node)) return;
  connection_.client.reset();
  tell(Withdrawn{});
}

asio::awaitable<Status> BlockReader::receive(const transfer::ByteSink& sink) {
  for (;;) {
    if (cancelled_ && !is_over()) end({Errc::kCancelled, "cancelled"});
    switch (command_.kind) {
      case Kind::kAsk:
        if (!is_open()) co_await open();
        if (is_open() && asks_for_sum_) {
          co_await receive_sum_from();
        } else if (is_open()) {
          co_await receive_from(sink);
        }
        break;
      case Kind::kSwitch:
        co_await receive_from(sink);
        break;
      case Kind::kAskMode:
        co_await ask_mode();
        break;
      case Kind::kLocate:
        co_await locate();
        break;
      case Kind::kDone:
        co_return Status();
      default:
        co_return command_.error;
    }
  }
}

asio::awaitable<void> BlockReader::receive_from(const transfer::ByteSink& sink) {
  const auto place = *command_.location;
  const bool stood_still = may_have_stood_still();
  bool sink_failed = false;
  const transfer::ByteSink counting = [&](std::span<const std::byte> bytes) {
    auto taken = sink(bytes);
    sink_failed = !taken.ok();
    if (taken.ok()) done_ += bytes.size();
    return taken;
  };
  Status status = co_await receive_some(counting);
  if (sink_failed) connection_.client->give_up();
  give_back(place.data);
  if (cancelled_) co_return;
  if (sink_failed) co_return end(std::move(status).error());
  if (command_.kind == Kind::kSwitch && rival_.client != nullptr) {
    connection_ = std::move(rival_);
    requested_at_ = Clock::now();
    co_return;
  }
  if (status.ok() && done_ == length_) co_return tell(PartEnded{});
  if (status.ok()) {
    status = Error{Errc::kProtocol,
                   "sent " + std::to_string(done_) + " of " + std::to_string(length_) + " bytes"};
  }
  tell_failed(std::move(status).error(), false, stood_still);
}

// From the connection, until its answer has ended or another replica has won a race against it.
asio::awaitable<Status> BlockReader::receive_some(const transfer::ByteSink& sink) {
  const bool may_race = command_.may_race && context_.options.hedge_after.count() > 0;
  if (may_race) {
    auto ended = co_await connection_.client->receive(sink, context_.options.hedge_after);
    if (ended) co_return *std::move(ended);
    co_await race();
    if (command_.kind == Kind::kSwitch) {
      connection_.client->give_up();
      co_return Error{Errc::kTimedOut, "another was quicker"};
    }
    rival_.client.reset();
  }
  auto ended = co_await connection_.client->receive(sink);
  co_return *std::move(ended);
}

// While the first connection gives nothing.
asio::awaitable<void> BlockReader::race() {
  const CountedHedge counted(context_.hedges);
  if (counted.number() > kHedgesMax) co_return;
  tell(ReplicaStalled{});
  while (command_.kind == Kind::kRace) {
    Status asked = co_await connect(rival_);
    if (cancelled_) co_return;
    if (asked.ok()) {
      const bool won = co_await rival_is_first();
      tell(RaceEnded{won});
    } else {
      tell(RivalFailed{std::move(asked).error()});
    }
  }
}

// Of the two that may give a byte or end.
asio::awaitable<bool> BlockReader::rival_is_first() {
  struct Race {
    explicit Race(const asio::any_io_executor& executor) : over(executor) {}
    asio::steady_timer over;
    AsyncReplicaClient* first = nullptr;
  };
  const auto race = std::make_shared<Race>(executor_);
  // When neither gives a byte the time-out of the first decides.
  const auto after = context_.options.hedge_after;
  race->over.expires_after(std::max(context_.options.progress_timeout - after, after));
  for (auto* runner : std::array{connection_.client.get(), rival_.client.get()}) {
    runner->when_readable([race, runner] {
      if (race->first == nullptr) race->first = runner;
      race->over.cancel();
    });
  }
  end_wait_ = [race] { race->over.cancel(); };
  co_await net::wait(race->over);
  end_wait_ = nullptr;
  co_return race->first == rival_.client.get();
}

template <class Request>
asio::awaitable<Result<NamenodeLink::Reply<Request>>> BlockReader::call(Request request) {
  net::Answer<Result<NamenodeLink::Reply<Request>>> answer(executor_);
  end_wait_ = [&answer] { answer.cancel(); };
  context_.link.submit<Request>(std::move(request), answer.giver());
  auto reply = co_await answer.wait();
  end_wait_ = nullptr;
  co_return reply;
}

asio::awaitable<void> BlockReader::ask_mode() {
  const actors::StatusRequest request;
  const auto status = co_await call(request);
  if (!status.ok()) co_return end(status.error());
  tell(ModeTold{status->safe_mode});
}

asio::awaitable<void> BlockReader::locate() {
  if (command_.delay.count() > 0) {
    asio::steady_timer delay(executor_, command_.delay);
    end_wait_ = [&delay] { delay.cancel(); };
    co_await net::wait(delay);
    end_wait_ = nullptr;
    if (cancelled_) co_return;
  }
  actors::LocateRequest request{path_, context_.host, block_begin_, corrupt_ones_};
  auto located = co_await call(std::move(request));
  if (!located.ok()) co_return end(std::move(located).error());
  const auto found = std::find_if(located->blocks.begin(), located->blocks.end(),
                                  [&](const auto& it) { return it.block == block_; });
  if (found == located->blocks.end()) {
    co_return end({Errc::kStale, "the file was changed while it was read"});
  }
  tell(PlacesTold{std::move(found->locations)});
}

}  // namespace minidfs::client
