#include "transfer/async_replica_client.hpp"

#include <utility>

namespace minidfs::transfer {
namespace {

// Large enough that a system call and a call of the sink cost little, small enough that the bytes
// are still in the processor's cache when they are checked and handed on. Half as much costs a
// fifth more processor time, twice as much saves less than a tenth.
constexpr std::size_t kReceiveBufferBytes = 1024 * 1024;
// Others of the loop have their turn after so many bytes, if they never have to be waited for.
constexpr std::size_t kTurnBytes = 4 * 1024 * 1024;

}  // namespace

AsyncReplicaClient::AsyncReplicaClient(const asio::any_io_executor& executor,
                                       const metadata::Endpoint& datanode,
                                       const ConnectionOptions& options)
    : connection_(executor, datanode, options, kReceiveBufferBytes),
      answers_(connection_.name()),
      sums_(connection_.name()) {}

asio::awaitable<Status> AsyncReplicaClient::open() {
  const std::string nothing_more;
  Status opened = co_await connection_.open(nothing_more);
  usable_ = opened.ok();
  co_return opened;
}

Status AsyncReplicaClient::begin_request(std::span<const ReadRequest> requests) {
  if (!usable()) {
    return Error{Errc::kUnavailable, connection_.name() + ": connection was given up"};
  }
  MDFS_CHECK(answers_.request(requests, out_));
  return send_now();
}

Status AsyncReplicaClient::send_now() {
  iovec part{out_.data(), out_.size()};
  std::span<iovec> parts(&part, 1);
  auto sent = connection_.try_send(parts);
  out_.erase(0, out_.size() - (parts.empty() ? 0 : parts.front().iov_len));
  if (!sent.ok()) give_up();
  return sent;
}

asio::awaitable<Status> AsyncReplicaClient::flush() {
  iovec part{out_.data(), out_.size()};
  Status sent = co_await connection_.send(std::span(&part, 1));
  out_.clear();
  if (!sent.ok()) give_up();
  co_return sent;
}

asio::awaitable<Status> AsyncReplicaClient::request(std::span<const ReadRequest> requests) {
  Status begun = begin_request(requests);
  if (!begun.ok() || flushed()) co_return begun;
  Status sent = co_await flush();
  co_return sent;
}

std::optional<Status> AsyncReplicaClient::begin_receive(const ByteSink& sink) {
  if (!usable()) {
    return Error{Errc::kUnavailable, connection_.name() + ": connection was given up"};
  }
  if (answers_.requested() == 0) {
    return Error{Errc::kInvalidArgument, "no request awaits its answer"};
  }
  // A peer is not silent while nobody listens.
  if (!std::exchange(receiving_, true)) connection_.note_progress();
  auto ended = take_what_came(sink);
  if (ended) receiving_ = false;
  return ended;
}

// None when the answer goes on: nothing more has come, or it is the turn of others.
std::optional<Status> AsyncReplicaClient::take_what_came(const ByteSink& sink) {
  turn_over_ = false;
  for (std::size_t bytes = 0;;) {
    auto step = answers_.step(connection_.received(), sink);
    connection_.consume(step.consumed);
    if (step.alive) connection_.note_progress();
    if (!step.send.empty()) {
      out_ += step.send;
      auto sent = send_now();
      if (!sent.ok()) return sent;
    }
    if (step.ended) return std::move(step.ended);
    bytes += step.consumed;
    turn_over_ = bytes >= kTurnBytes;
    if (turn_over_) return std::nullopt;
    const auto grown = connection_.try_fill();
    if (!grown.ok()) {
      give_up();
      return grown.error();
    }
    if (!*grown) return std::nullopt;
  }
}

// Until there may be more of the answer; false when there was nothing for `patience`.
asio::awaitable<Result<bool>> AsyncReplicaClient::wait_for_more(
    std::chrono::milliseconds patience) {
  if (!flushed()) {
    Status sent = co_await flush();
    if (!sent.ok()) co_return std::move(sent).error();
  }
  if (turn_over_) {
    const auto executor = connection_.executor();
    co_await asio::post(executor, asio::use_awaitable);
    co_return true;
  }
  if (patience.count() > 0) {
    auto filled = co_await connection_.fill_within(patience);
    co_return filled;
  }
  Status filled = co_await connection_.fill();
  if (!filled.ok()) co_return std::move(filled).error();
  co_return true;
}

asio::awaitable<std::optional<Status>> AsyncReplicaClient::receive(
    const ByteSink& sink, std::chrono::milliseconds patience) {
  auto ended = begin_receive(sink);
  if (!ended) ended = co_await finish_receive(sink, patience);
  co_return ended;
}

asio::awaitable<std::optional<Status>> AsyncReplicaClient::finish_receive(
    const ByteSink& sink, std::chrono::milliseconds patience) {
  std::optional<Status> ended;
  while (!ended) {
    auto more = co_await wait_for_more(patience);
    if (more.ok() && !*more) co_return std::nullopt;
    if (!more.ok()) {
      give_up();
      co_return Status(std::move(more).error());
    }
    ended = take_what_came(sink);
  }
  receiving_ = false;
  co_return ended;
}

asio::awaitable<Status> AsyncReplicaClient::request_sum(SumBlock request) {
  MDFS_ASSERT(can_sum() && answers_.requested() == 0);
  if (!usable()) {
    co_return Error{Errc::kUnavailable, connection_.name() + ": connection was given up"};
  }
  sums_.request(request, out_);
  Status sent = co_await flush();
  co_return sent;
}

asio::awaitable<Result<BlockSum>> AsyncReplicaClient::receive_sum() {
  connection_.note_progress();  // A peer is not silent while nobody listens.
  for (;;) {
    auto step = sums_.step(connection_.received());
    connection_.consume(step.consumed);
    if (step.alive) connection_.note_progress();
    if (step.answer) co_return *std::move(step.answer);
    Status filled = co_await connection_.fill();
    if (!filled.ok()) {
      give_up();
      co_return std::move(filled).error();
    }
  }
}

}  // namespace minidfs::transfer
