#include "transfer/block_receiver.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace minidfs::transfer {
namespace {

constexpr std::size_t kOutputMax = 64 * 1024;
// A condition is looked at again after so long, though every change of it is signalled.
constexpr std::chrono::seconds kLookAgain{1};

PipelineReceiver::Limits limits_of(const ServerLoop& loop, const DataServerOptions& options) {
  return {{options.connect_timeout, options.progress_timeout, options.memory_timeout,
           options.disk_timeout, loop.sweep_interval()},
          options.disk_timeout,
          loop.keep_alive_interval(),
          options.packed_bytes_max};
}

}  // namespace

BlockReceiver::BlockReceiver(std::shared_ptr<Connection> connection, OpenPipeline open)
    : connection_(std::move(connection)),
      loop_(connection_->loop()),
      pipeline_(std::move(open)),
      receiver_(limits_of(loop_, loop_.context().options), pipeline_, Clock::now()),
      changed_(loop_.io().get_executor()) {}

asio::awaitable<Status> BlockReceiver::run() {
  const auto self = shared_from_this();
  step(PipelineOpened{});
  while (!end_) {
    const Command next = std::exchange(command_, {});
    if (const auto* connect = std::get_if<ConnectNext>(&next)) {
      co_await obey(*connect);
    } else if (const auto* receive = std::get_if<Receive>(&next)) {
      co_await obey(*receive);
    } else if (const auto* release = std::get_if<ReleaseInput>(&next)) {
      co_await obey(*release);
    } else {
      co_await changed_.wait(Clock::now() + kLookAgain);
    }
  }
  if (!connection_->closed()) co_await connection_->drain();
  co_return *std::move(end_);
}

void BlockReceiver::step(ReceiverEvent event) {
  for (auto& effect : receiver_.step(std::move(event), Clock::now())) {
    std::visit([this](auto& each) { act(each); }, effect);
  }
  if (receiver_.open_block().has_value() != active_.has_value()) {
    if (active_) {
      active_.reset();
    } else {
      active_.emplace(loop_.context().active_writes);
    }
  }
}

void BlockReceiver::sweep() {
  absl::InlinedVector<DiskAge, 8> disks;
  for (const auto& [block, replica] : replicas_) {
    disks.push_back({block, replica.writer->stalled_for()});
  }
  tell_brakes();
  step(Tick{disks, connection_->out_bytes() > 0});
}

// --- Commands of the coroutine ----------------------------------------------------------------

void BlockReceiver::do_next(Command command) {
  command_ = command;
  changed_.notify();
}

asio::awaitable<void> BlockReceiver::obey(ConnectNext /*command*/) { co_await downstream_->open(); }

asio::awaitable<void> BlockReceiver::obey(Receive command) {
  const Connection::Input input{pipeline_.targets.size(), need_, command.in_block,
                                command.patience};
  if (may_lend_input()) {
    const bool there = co_await connection_->wait_for(input);
    if (!there) co_return step(InputEnded{command.input});
    const auto memory = co_await take_memory_to_forward();
    if (!memory.ok()) co_return step(MemoryDenied{command.input, memory.error()});
    const bool lent = co_await lend_input(command.input);
    if (lent) co_return;
  }
  const auto more = co_await connection_->receive(input);
  if (!more.ok()) {
    step(MemoryDenied{command.input, more.error()});
  } else if (!*more) {
    step(InputEnded{command.input});
  } else {
    taken_ = forwarded_ = 0;
    step(InputArrived{command.input});
    take_whole();
    tell_brakes();
    step(InputTaken{command.input, taken_ - forwarded_});
  }
}

// Everything is forwarded as it came.
asio::awaitable<void> BlockReceiver::obey(ReleaseInput command) {
  if (command.forward) {
    co_await downstream_->send(connection_->received().subspan(forwarded_, taken_ - forwarded_));
  }
  connection_->consume(taken_);
  connection_->release();
  co_await connection_->share_thread(taken_);
  tell_brakes();
  step(InputReleased{command.input});
}

// --- Effects ----------------------------------------------------------------------------------

void BlockReceiver::act(const ConnectNext& effect) {
  downstream_ = std::make_shared<Downstream>(loop_, shared_from_this(), pipeline_);
  do_next(effect);
}

// What goes without waiting of the bytes up to the end of these slices.
void BlockReceiver::act(const ForwardEarly& /*effect*/) {
  const std::size_t end = taken_ + arrived_.stored.size();
  forwarded_ +=
      downstream_->try_send(connection_->received().subspan(forwarded_, end - forwarded_));
}

void BlockReceiver::act(const CreateReplica& effect) {
  auto writer = loop_.context().store.create(effect.begin.block, effect.begin.generation,
                                             effect.begin.stored_bytes_hint);
  if (!writer.ok()) return step(ReplicaLost{effect.block, writer.error()});
  Replica& replica = replicas_[effect.block];
  replica.writer = *std::move(writer);
  replica.backlog = make_backlog();
  replica.writer->on_lost([loop = loop_.shared_from_this(), self = weak_from_this(),
                           block = effect.block](const Error& error) {
    asio::post(loop->io(), [self, block, error] {
      if (const auto alive = self.lock()) alive->step(ReplicaLost{block, error});
    });
  });
  replica.writer->expect(readers());
  if (effect.has_file) replica.file = std::make_shared<CountFile>(loop_.context());
  tell_brakes();
}

void BlockReceiver::act(const AppendSlices& effect) {
  if (arrived_.slices.empty()) return;  // The disk has taken them for itself.
  const Replica& replica = replicas_.at(effect.block);
  const auto memory = replica.backlog->hold(connection_->memory(), arrived_.stored.size());
  const auto status = replica.writer->append(arrived_.slices, arrived_.stored, memory);
  if (!status.ok()) step(ReplicaLost{effect.block, status.error()});
}

// The loop outlives the server until the last finish() of the store has reported; what is posted to
// a loop that has stopped is dropped, and the next block report tells what was stored.
void BlockReceiver::act(const StoreReplica& effect) {
  const Replica& replica = replicas_.at(effect.block);
  replica.writer->finish([loop = loop_.shared_from_this(), self = weak_from_this(),
                          block = effect.block,
                          file = replica.file](Result<storage::ReplicaInfo> result) {
    asio::post(loop->io(), [at = loop.get(), self, block, result = std::move(result)] {
      if (result.ok()) at->context().events.replica_stored(*result);
      const auto alive = self.lock();
      if (!alive) return;
      alive->replicas_.erase(block);
      if (result.ok()) {
        alive->step(ReplicaStored{block, result->stored_bytes});
      } else {
        alive->step(ReplicaLost{block, result.error()});
      }
      alive->tell_brakes();
    });
  });
}

void BlockReceiver::act(const ExpectOutputTaken& effect) {
  if (effect.expected) {
    connection_->expect_output_taken();
  } else {
    connection_->expect_nothing();
  }
}

void BlockReceiver::act(ClosePipeline& effect) {
  end_ = std::move(effect.status);
  changed_.notify();
}

// --- The disk ---------------------------------------------------------------------------------

// The first node of a pipeline is the nearest to the writer: its replica is the one that is kept at
// hand.
storage::Readers BlockReceiver::readers() const {
  if (pipeline_.background != 0) return storage::Readers::kNobody;
  return pipeline_.ahead > 0 ? storage::Readers::kElsewhere : storage::Readers::kHere;
}

std::shared_ptr<WriteBacklog> BlockReceiver::make_backlog() {
  return std::make_shared<WriteBacklog>([loop = loop_.shared_from_this(), self = weak_from_this()] {
    asio::post(loop->io(), [self] {
      if (const auto alive = self.lock()) alive->tell_brakes();
    });
  });
}

Brakes BlockReceiver::brakes() const {
  // Of the open block, which is the last one.
  const bool behind = receiver_.open_block() && receiver_.open_block()->stored_here &&
                      replicas_.rbegin()->second.backlog->full();
  const ServerContext& context = loop_.context();
  const auto files = context.block_files->load(std::memory_order_relaxed);
  return {connection_->out_bytes() >= kOutputMax, behind, files >= context.options.block_files_max};
}

void BlockReceiver::tell_brakes() {
  if (const auto now = brakes(); now != receiver_.brakes()) step(BrakesChanged{now});
}

}  // namespace minidfs::transfer
