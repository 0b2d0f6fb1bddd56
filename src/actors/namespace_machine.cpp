#include "actors/namespace_machine.hpp"

#include <optional>
#include <utility>

#include "metadata/changes.hpp"

namespace minidfs::actors {
namespace {

class MachineCopy final : public consensus::StateCopy {
 public:
  explicit MachineCopy(std::unique_ptr<storage::NamespaceCopy> copy) : copy_(std::move(copy)) {}

  std::uint64_t number() const override { return copy_->applied(); }
  Result<std::string> next(std::size_t bytes_max) override { return copy_->next(bytes_max); }

 private:
  std::unique_ptr<storage::NamespaceCopy> copy_;
};

Error no_intake() { return {Errc::kCorrupt, "no copy of the namespace is being taken in"}; }

}  // namespace

void NamespaceMachine::set_sink(EffectsSink sink) {
  const std::lock_guard lock(mutex_);
  sink_ = std::move(sink);
  purge_left_ = true;
}

void NamespaceMachine::set_marked(Marked marked) {
  const std::lock_guard lock(mutex_);
  marked_ = std::move(marked);
}

// A mark ends the batch early: members, who batch as it comes, must see the same state behind it.
Result<std::string> NamespaceMachine::apply(std::uint64_t number, std::string_view command) {
  auto reply = store_.apply(number, command);
  const auto mark = reply.ok() ? metadata::mark_of(command) : std::nullopt;
  if (!mark) return reply;
  MDFS_CHECK(store_.commit_batch());
  const std::lock_guard lock(mutex_);
  if (marked_) marked_(*mark);
  return reply;
}

Status NamespaceMachine::commit_batch() {
  MDFS_CHECK(store_.commit_batch());
  auto effects = store_.take_effects();
  const std::lock_guard lock(mutex_);
  const bool news = !effects.blocks.empty() || !effects.node_admins.empty() ||
                    !effects.stagings.empty() || effects.purge_left != purge_left_;
  purge_left_ = effects.purge_left;
  if (sink_ && (news || effects.purge_left)) send(std::move(effects));
  return {};
}

// The last piece has what is no block's.
void NamespaceMachine::send(NamespaceEffects effects) {
  const std::vector<metadata::BlockEffect> blocks = std::exchange(effects.blocks, {});
  auto next = blocks.begin();
  while (blocks.end() - next > static_cast<std::ptrdiff_t>(kBlocksAtOnce)) {
    NamespaceEffects piece;
    piece.blocks.assign(next, next + kBlocksAtOnce);
    piece.purge_left = effects.purge_left;
    sink_(std::move(piece));
    next += kBlocksAtOnce;
  }
  effects.blocks.assign(next, blocks.end());
  sink_(std::move(effects));
}

// --- Seeds -------------------------------------------------------------------------------------

Result<std::unique_ptr<consensus::StateCopy>> NamespaceMachine::begin_copy() {
  MDFS_TRY(auto copy, store_.begin_copy(cluster_));
  return std::unique_ptr<consensus::StateCopy>(std::make_unique<MachineCopy>(std::move(copy)));
}

Status NamespaceMachine::begin_intake() {
  intake_.reset();
  MDFS_TRY(intake_, store_.begin_intake(cluster_));
  return {};
}

Status NamespaceMachine::take_in(std::string_view piece) {
  return intake_ ? intake_->take(piece) : Status(no_intake());
}

Status NamespaceMachine::finish_intake() {
  return intake_ ? intake_->finish() : Status(no_intake());
}

Status NamespaceMachine::install() {
  MDFS_ASSERT(intake_ != nullptr);
  MDFS_CHECK(store_.install(std::move(intake_)));
  auto effects = store_.take_effects();
  effects.replaced = true;
  const std::lock_guard lock(mutex_);
  purge_left_ = effects.purge_left;
  if (sink_) sink_(std::move(effects));
  return {};
}

}  // namespace minidfs::actors
