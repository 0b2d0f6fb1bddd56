// minidfs quorum: the namenodes of the cluster, and who of them leads.

#include <array>
#include <nlohmann/json.hpp>

#include "base/random_id.hpp"
#include "cli/command/command.hpp"
#include "cli/verbs/listing.hpp"
#include "cli/verbs/quorum_text.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{Flag{"json", 0, "", "One JSON object (list, verify)", ""}};

Error usage(const std::string& problem) { return {Errc::kInvalidArgument, "quorum: " + problem}; }

Error nobody_leads(const client::Quorum& quorum) {
  return {Errc::kUnavailable, "quorum: no namenode leads: " + std::to_string(quorum.answering()) +
                                  " of " + std::to_string(quorum.voters()) +
                                  " voters can be reached, and it takes " +
                                  std::to_string(quorum.majority())};
}

Result<int> list(Invocation& invocation) {
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_TRY(const auto quorum, files->quorum());
  const auto& io = invocation.io();
  const auto text = invocation.arguments().has("json")
                        ? dump_json(to_json(quorum))
                        : quorum_text(printable(quorum, io.out_is_terminal));
  MDFS_CHECK(io.print(text));
  if (quorum.leader == 0) return nobody_leads(quorum);
  return 0;
}

Result<int> transfer(Invocation& invocation) {
  const auto& operands = invocation.arguments().operands;
  std::uint64_t member = 0;
  if (operands.size() > 1) {
    MDFS_TRY(member, parse_64(operands[1], "quorum transfer"));
  }
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_CHECK(files->transfer_leadership(member));
  return 0;
}

Result<int> remove(Invocation& invocation) {
  const auto& operands = invocation.arguments().operands;
  if (operands.size() < 2) return usage("remove needs the ID of a namenode, as `list` shows it");
  MDFS_TRY(const auto member, parse_64(operands[1], "quorum remove"));
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_CHECK(files->remove_namenode(member));
  return 0;
}

Result<int> verify(Invocation& invocation) {
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_TRY(const auto digests, files->digest_namenodes());
  const auto& io = invocation.io();
  const auto text = invocation.arguments().has("json")
                        ? dump_json(to_json(digests))
                        : digests_text(printable(digests, io.out_is_terminal));
  MDFS_CHECK(io.print(text));
  const auto verdict = verdict_of(digests);
  if (verdict == Verdict::kUnknown) {
    return Error{Errc::kUnavailable, "quorum verify: not all namenodes could be asked"};
  }
  return verdict == Verdict::kSame ? 0 : kExitFailure;
}

Result<int> run(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  const auto& what = arguments.operands.front();
  const bool shows = what == "list" || what == "verify";
  const bool named = what == "transfer" || what == "remove";
  if (!shows && !named) return usage("'" + what + "' is none of list, transfer, remove, verify");
  if (shows && arguments.operands.size() > 1) {
    return usage(what + ": unexpected operand '" + arguments.operands[1] + "'");
  }
  if (named && arguments.has("json")) return usage("--json goes with list and verify only");
  if (what == "list") return list(invocation);
  if (what == "verify") return verify(invocation);
  return what == "transfer" ? transfer(invocation) : remove(invocation);
}

}  // namespace

const Command kQuorumCommand{
    .name = "quorum",
    .operands = "[list|transfer [ID]|remove ID|verify]",
    .summary = "Show the namenodes, and who leads; change that",
    .details =
        "list (the default) shows the namenodes: who leads, how far each is, how many may fail.\n"
        "When none leads it shows what those know that can be reached, and fails (3).\n"
        "transfer lets another one lead: ID, or whoever is up to date.\n"
        "remove takes a namenode out for ever. One that lost its disk needs no removal: started\n"
        "with an empty directory, --join and its old address it takes its own place.\n"
        "verify compares a digest of the whole namespace, at one change, of all namenodes, and\n"
        "fails (1) when they differ. Nothing is held up meanwhile.\n"
        "An ID has 16 hexadecimal digits, as list shows it.\n",
    .example = "minidfs quorum --json",
    .flags = kFlags,
    .operands_min = 0,
    .operands_max = 2,
    .operand_default = "list",
    .run = run};

}  // namespace minidfs::cli
