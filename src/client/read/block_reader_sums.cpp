// The part of BlockReader that asks for the sums of a block in the place of its bytes.
#include "client/read/block_reader.hpp"
// The above comes first: see net/asio.hpp.
#include <utility>

namespace minidfs::client {

asio::awaitable<Result<transfer::BlockSum>> BlockReader::receive_sum() {
  const transfer::ByteSink no_bytes = [](std::span<const std::byte>) { return Status(); };
  Status received = co_await receive(no_bytes);
  if (!received.ok()) co_return std::move(received).error();
  co_return sum_;
}

// From the replica of the command. One that is slow at it is not raced: the other one would have
// the whole block to read as well.
asio::awaitable<void> BlockReader::receive_sum_from() {
  const auto datanode = command_.location->data;
  if (!connection_.client->can_sum()) {
    give_back(datanode);
    co_return end({Errc::kUnsupported, metadata::to_string(datanode) +
                                           ": is of a version that makes no sums of blocks"});
  }
  const bool stood_still = may_have_stood_still();
  auto sum = co_await connection_.client->receive_sum();
  give_back(datanode);
  if (cancelled_) co_return;
  if (!sum.ok()) co_return tell_failed(std::move(sum).error(), false, stood_still);
  sum_ = *sum;
  tell(PartEnded{});
}

}  // namespace minidfs::client
