// The namespace store as the replicated log's state machine. What the changes mean for blocks goes
// to a sink, batch by batch and so many blocks at a time, before the changes are answered.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "actors/internal_messages.hpp"
#include "base/ids.hpp"
#include "consensus/state_machine.hpp"
#include "storage/namespace/namespace_store.hpp"

namespace minidfs::actors {

class NamespaceMachine final : public consensus::StateMachine {
 public:
  using EffectsSink = std::function<void(NamespaceEffects)>;
  // Given to the sink in one piece, so that no step of the block actor takes long.
  static constexpr std::size_t kBlocksAtOnce = 4096;

  // Copies are given to namenodes of `cluster`, and taken from them.
  NamespaceMachine(storage::NamespaceStore& store, ClusterId cluster)
      : store_(store), cluster_(cluster) {}

  // Until a sink is set effects are dropped: with nobody who knows a replica there is nothing to
  // be done, and block reports show what is left over. Thread-safe.
  void set_sink(EffectsSink sink);

  // Called for each mark when what is committed is the state that it names, by the thread that
  // applies; see metadata::MarkNamespace.
  using Marked = std::function<void(std::uint64_t mark)>;
  void set_marked(Marked marked);

  std::uint64_t applied() const override { return store_.applied(); }
  Result<std::string> apply(std::uint64_t number, std::string_view command) override;
  Status commit_batch() override;
  std::string room_note() const override { return store_.room_note(); }
  Result<std::uint64_t> make_durable() override { return store_.make_durable(); }
  Result<std::unique_ptr<consensus::StateCopy>> begin_copy() override;
  std::uint64_t bytes_kept_for_copies() const override { return store_.wal_bytes(); }
  Status begin_intake() override;
  Status take_in(std::string_view piece) override;
  Status finish_intake() override;
  void drop_intake() override { intake_.reset(); }
  Status install() override;

 private:
  void send(NamespaceEffects effects);

  storage::NamespaceStore& store_;
  const ClusterId cluster_;
  std::unique_ptr<storage::NamespaceIntake> intake_;
  std::mutex mutex_;
  EffectsSink sink_;
  Marked marked_;
  bool purge_left_ = true;  // As told last; who was told nothing yet assumes it.
};

}  // namespace minidfs::actors
