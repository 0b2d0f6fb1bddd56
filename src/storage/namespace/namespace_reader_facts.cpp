// The part of NamespaceReader that tells of the cluster rather than of paths.
#include <algorithm>
#include <mutex>

#include "base/codec.hpp"
#include "metadata/client_ages.hpp"
#include "metadata/namespace_replies.hpp"
#include "storage/namespace/namespace_reader_state.hpp"

namespace minidfs::storage {
namespace {

// Calls `take(statement)` for each of its rows.
template <class Take>
Status for_each_row(Statement& statement, const Take& take) {
  for (;;) {
    MDFS_TRY(const bool row, statement.step());
    if (!row) return {};
    take(statement);
  }
}

}  // namespace

Result<std::vector<metadata::NodeAdmin>> NamespaceReader::node_admins() {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  Statement& select = state_->select_admins;
  const StatementScope scope(select);
  std::vector<metadata::NodeAdmin> decisions;
  MDFS_CHECK(for_each_row(select, [&](const Statement& row) {
    decisions.push_back({NodeId{row.unsigned_integer(0), row.unsigned_integer(1)},
                         static_cast<metadata::AdminState>(row.unsigned_integer(2)),
                         row.integer(3)});
  }));
  return decisions;
}

Result<std::vector<metadata::StagedFile>> NamespaceReader::staged_files() {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  Statement& select = state_->select_staged;
  const StatementScope scope(select);
  std::vector<metadata::StagedFile> files;
  MDFS_CHECK(for_each_row(select, [&](const Statement& row) {
    files.push_back({row.unsigned_integer(0),
                     {row.unsigned_integer(1), row.unsigned_integer(2)},
                     InodeId{row.unsigned_integer(3)},
                     row.unsigned_integer(4),
                     row.unsigned_integer(5),
                     static_cast<std::uint8_t>(row.integer(6))});
  }));
  return files;
}

Result<NamespaceCounters> NamespaceReader::counters() {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  Statement& select = state_->select_state;
  const StatementScope scope(select);
  MDFS_CHECK(select.step());
  return NamespaceCounters{select.unsigned_integer(0), select.unsigned_integer(1),
                           select.unsigned_integer(2), select.unsigned_integer(3)};
}

Result<std::uint64_t> NamespaceReader::applied() {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  Statement& select = state_->select_state;
  const StatementScope scope(select);
  MDFS_CHECK(select.step());
  return select.unsigned_integer(4);
}

Result<metadata::Epoch> NamespaceReader::epoch() {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  Statement& select = state_->select_epoch;
  const StatementScope scope(select);
  MDFS_CHECK(select.step());
  return metadata::Epoch{metadata::LifeId{select.unsigned_integer(0), select.unsigned_integer(1)},
                         select.unsigned_integer(2)};
}

Result<std::int64_t> NamespaceReader::cluster_ms() {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  Statement& select = state_->select_epoch;
  const StatementScope scope(select);
  MDFS_CHECK(select.step());
  return select.integer(3);
}

Result<std::optional<metadata::ChangeReply>> NamespaceReader::kept_reply(
    const metadata::RequestId& request) {
  using Reply = std::optional<metadata::ChangeReply>;
  using Seen = metadata::ReplyWindow::Seen;
  if (request.client.is_none()) return Reply();
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  Statement& select = state_->select_replies;
  const StatementScope scope(select);
  select.bind_all(request.client.high, request.client.low);
  MDFS_TRY(const bool row, select.step());
  if (!row) {
    Statement& state = state_->select_epoch;
    const StatementScope state_scope(state);
    MDFS_CHECK(state.step());
    const bool forgotten =
        metadata::may_be_forgotten(request.client, state.integer(3), state.integer(4));
    return forgotten ? Reply(metadata::forgotten(request)) : Reply();
  }
  MDFS_TRY(const auto window, metadata::ReplyWindow::decode(select.bytes(0)));
  const auto known = window.find(request.sequence);
  if (known.seen == Seen::kForgotten) return Reply(metadata::forgotten(request));
  if (known.seen != Seen::kAnswered) return Reply();
  MDFS_TRY(auto reply, decode<metadata::ChangeReply>(known.reply, "kept reply"));
  return Reply(std::move(reply));
}

Result<bool> NamespaceReader::uses_mark(metadata::BlockMark mark) {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  Statement& select = state_->select_mark;
  const StatementScope scope(select);
  select.bind(1, std::uint64_t{mark});
  return select.step();
}

Result<metadata::NamespaceHistory> NamespaceReader::history() {
  using Standing = metadata::LifeFacts::Standing;
  MDFS_TRY(const metadata::Epoch now, epoch());
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  auto& database = state_->snapshot->database();
  MDFS_TRY(const std::int64_t bound, database.integer("SELECT next_block FROM state WHERE id = 1"));
  metadata::NamespaceHistory history(now, static_cast<std::uint64_t>(bound));
  const auto read = [&](std::string_view sql, const auto& take) -> Status {
    MDFS_TRY(Statement select, database.prepare(sql));
    return for_each_row(select, take);
  };
  const auto life_of = [](const Statement& row) {
    return metadata::LifeId{row.unsigned_integer(0), row.unsigned_integer(1)};
  };
  MDFS_CHECK(read("SELECT high, low, leadership, change, given_up FROM past_life",
                  [&](const Statement& row) {
                    history.add_past(life_of(row),
                                     {row.integer(4) != 0 ? Standing::kGivenUp : Standing::kEarlier,
                                      row.unsigned_integer(2), row.unsigned_integer(3)});
                  }));
  MDFS_CHECK(
      read("SELECT high, low, number, change FROM leadership_began", [&](const Statement& row) {
        history.add_beginning({life_of(row), row.unsigned_integer(2)}, row.unsigned_integer(3));
      }));
  MDFS_CHECK(read("SELECT mark FROM leadership UNION SELECT mark FROM given_up_mark",
                  [&](const Statement& row) {
                    history.add_mark(static_cast<metadata::BlockMark>(row.unsigned_integer(0)));
                  }));
  return history;
}

Result<std::vector<metadata::BlockRange>> NamespaceReader::retired_between(BlockId first,
                                                                           BlockId last,
                                                                           std::uint32_t limit) {
  const std::lock_guard lock(state_->snapshot->mutex());
  MDFS_CHECK(state_->refresh());
  std::vector<metadata::BlockRange> ranges;
  last = std::min(last, metadata::kBlockIdMax);
  if (first > last) return ranges;
  Statement& select = state_->select_retired;
  const StatementScope scope(select);
  // One more, because the range that begins before `first` may end before it too.
  select.bind_all(first.value, last.value, std::uint64_t{limit} + 1);
  while (ranges.size() < limit) {
    MDFS_TRY(const bool row, select.step());
    if (!row) break;
    const std::uint64_t from = std::max(first.value, select.unsigned_integer(0));
    const std::uint64_t to = std::min(last.value, select.unsigned_integer(1));
    if (from <= to) ranges.push_back({BlockId{from}, to - from + 1});
  }
  return ranges;
}

}  // namespace minidfs::storage
