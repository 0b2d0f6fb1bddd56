// Which rule a change meets.
#include <type_traits>

#include "metadata/namespace_block_ids.hpp"
#include "metadata/namespace_growth.hpp"
#include "metadata/namespace_rules.hpp"
#include "metadata/namespace_staging.hpp"

namespace minidfs::metadata {
namespace {

Result<Outcome> apply(NamespaceTable& table, const SetNodeAdmin& change) {
  const auto& decision = change.decision;
  const bool known = decision.admin == AdminState::kInService ||
                     decision.admin == AdminState::kDecommissioning ||
                     decision.admin == AdminState::kMaintenance;
  if (!known || decision.node.is_none()) {
    return failure(Errc::kInvalidArgument,
                   "administrative state " + std::to_string(static_cast<unsigned>(decision.admin)) +
                       " for datanode " + to_string(decision.node));
  }
  MDFS_CHECK(table.set_node_admin(decision));
  return Outcome{};
}

Result<Outcome> apply(NamespaceTable& table, const PurgeRemoved& change) {
  MDFS_TRY(const std::uint64_t freed, table.purge(change.limit));
  return Outcome{0, {}, freed};
}

Result<Outcome> apply(NamespaceTable&, const MarkNamespace&) { return Outcome{}; }

Result<Outcome> commit_dated(NamespaceTable& table, const CommitDated& x, std::size_t file) {
  if (x.staged == 0) {
    return commit_file(table, x.files[file], nullptr, x.time_ms, x.times[file]);
  }
  const CommitStaged staged{x.request, x.time_ms, x.client, x.session, x.staged, x.files[file]};
  return apply(table, staged, x.times[file]);
}

// Of what has no times for some file, or several files with what is staged, nothing is done.
bool is_sound(const CommitDated& x) {
  return x.times.size() == x.files.size() && (x.staged == 0 || x.files.size() == 1);
}

}  // namespace

Result<ChangeReply> apply_change(NamespaceTable& table, const Change& change) {
  ChangeReply reply;
  const auto apply_one = [&](const auto& alternative) -> Status {
    using Alternative = std::decay_t<decltype(alternative)>;
    if constexpr (std::is_same_v<Alternative, CommitFiles>) {
      reply.outcomes.reserve(alternative.files.size());
      for (const CommittedFile& file : alternative.files) {
        MDFS_TRY(Outcome outcome, commit_file(table, file, nullptr, alternative.time_ms));
        reply.outcomes.push_back(std::move(outcome));
      }
    } else if constexpr (std::is_same_v<Alternative, CommitDated>) {
      reply.outcomes.assign(alternative.files.size(),
                            failure(Errc::kInvalidArgument, "not one time for each file"));
      for (std::size_t i = 0; is_sound(alternative) && i < alternative.files.size(); ++i) {
        MDFS_TRY(reply.outcomes[i], commit_dated(table, alternative, i));
      }
    } else if constexpr (std::is_same_v<Alternative, SetAttributes>) {
      for (const EntryAttributes& entry : alternative.entries) {
        MDFS_TRY(Outcome outcome, set_attributes(table, entry));
        reply.outcomes.push_back(std::move(outcome));
      }
    } else if constexpr (std::is_same_v<Alternative, SetOwner>) {
      for (const EntryOwner& entry : alternative.entries) {
        MDFS_TRY(Outcome outcome, set_owner(table, entry));
        reply.outcomes.push_back(std::move(outcome));
      }
    } else {
      MDFS_TRY(Outcome outcome, apply(table, alternative));
      reply.outcomes.push_back(std::move(outcome));
    }
    return {};
  };
  MDFS_CHECK(std::visit(apply_one, change));
  return reply;
}

const RequestId* request_of(const Change& change) {
  const auto request = [](const auto& alternative) -> const RequestId* {
    if constexpr (requires { alternative.request; }) {
      return &alternative.request;
    } else {
      return nullptr;
    }
  };
  return std::visit(request, change);
}

std::int64_t time_of(const Change& change) {
  const auto time = [](const auto& alternative) -> std::int64_t {
    if constexpr (requires { alternative.time_ms; }) {
      return alternative.time_ms;
    } else {
      return 0;
    }
  };
  return std::visit(time, change);
}

void set_time(Change& change, std::int64_t time_ms) {
  const auto set = [time_ms](auto& alternative) {
    if constexpr (requires { alternative.time_ms; }) alternative.time_ms = time_ms;
  };
  std::visit(set, change);
}

}  // namespace minidfs::metadata
