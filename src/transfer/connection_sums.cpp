// The part of Connection that answers SumBlock frames.
#include "transfer/replica_sum.hpp"
#include "transfer/server_connection.hpp"

namespace minidfs::transfer {
namespace {

// Of stored bytes that one job of the disk's thread sums, so that others have their turn.
constexpr std::size_t kSumJobBytes = 4 << 20;

}  // namespace

asio::awaitable<Status> Connection::serve_sum(SumBlock request) {
  const CountActive active(loop_.context().active_reads);
  const ReadBlock whole{request.block, request.generation, 0, request.length};
  const auto replicas = open_replicas({&whole, 1});
  auto opened = co_await replicas->take(0);
  if (!opened.ok()) co_return answer_failed(whole, opened.error());
  const auto replica = *std::move(opened);
  if (const auto length = replica->info().length; length != request.length) {
    const Error other{Errc::kStale, "the replica of block " + to_string(request.block) + " has " +
                                        std::to_string(length) + " bytes, not " +
                                        std::to_string(request.length)};
    co_return answer_failed(whole, other);
  }
  const auto sum = co_await sum_replica(replica);
  if (closed()) co_return Status();
  if (!sum.ok()) co_return answer_failed(whole, sum.error());
  append_frame(out_, FrameType::kBlockSummed, BlockSummed{request.block, *sum});
  send_soon();  // The next one may take long.
  co_return Status();
}

// Gives signs of life as long as the disk makes progress. kCancelled when the connection has ended.
asio::awaitable<Result<BlockSum>> Connection::sum_replica(
    std::shared_ptr<storage::ReplicaReader> replica) {
  const auto sum = std::make_shared<ReplicaSum>(replica);
  auto told_at = Clock::now();
  for (;;) {
    if (closed()) co_return Error{Errc::kCancelled, "closed"};
    const auto answer = std::make_shared<DiskAnswers<Result<bool>>>(loop_);
    const auto turn = std::make_shared<Result<bool>>(false);
    replica->submit({[sum, turn] { *turn = sum->go_on(kSumJobBytes); },
                     [answer, turn] { answer->give(0, std::move(*turn)); },
                     [answer](const Error& error) { answer->give(0, error); }});
    const auto all = co_await answer->take(0);
    if (!all.ok()) co_return all.error();
    if (*all) co_return sum->take();
    if (Clock::now() - told_at < loop_.keep_alive_interval()) continue;
    told_at = Clock::now();
    append_frame(out_, FrameType::kKeepAlive, KeepAlive());
    send_soon();
  }
}

}  // namespace minidfs::transfer
