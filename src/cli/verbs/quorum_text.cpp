#include "cli/verbs/quorum_text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

#include "base/random_id.hpp"
#include "base/units.hpp"
#include "cli/command/io.hpp"
#include "cli/verbs/listing.hpp"

namespace minidfs::cli {
namespace {

using client::Namenode;
using client::NamenodeDigest;

std::string role_of(const Namenode& each) { return each.voter ? "voter" : "learner"; }

std::string shown_address(const Namenode& each) {
  return each.address.empty() ? "(not known yet)" : each.address;
}

std::string member_line(const Namenode& each, std::size_t width) {
  std::array<char, 512> columns{};
  std::snprintf(columns.data(), columns.size(), "  %s  %-*.260s  %-7s  %-11s  %12llu  %8llu  %7s",
                hex_64(each.id).c_str(), static_cast<int>(width), shown_address(each).c_str(),
                role_of(each).c_str(), each.state.c_str(),
                static_cast<unsigned long long>(each.applied),
                static_cast<unsigned long long>(each.lag),
                each.version == 0 ? "-" : std::to_string(each.version).c_str());
  std::string line = columns.data();
  if (each.replaces != 0) line += "  for " + hex_64(each.replaces);
  return line + "\n";
}

std::string members_text(const std::vector<Namenode>& members) {
  std::size_t width = 7;
  for (const auto& each : members) width = std::max(width, shown_address(each).size());
  std::array<char, 512> columns{};
  std::snprintf(columns.data(), columns.size(), "  %-16s  %-*s  %-7s  %-11s  %12s  %8s  %7s\n",
                "id", static_cast<int>(width), "address", "role", "state", "applied", "lag",
                "version");
  std::string text = columns.data();
  for (const auto& each : members) text += member_line(each, width);
  return text;
}

std::string leader_text(const client::Quorum& quorum) {
  if (quorum.leader == 0) return "nobody leads";
  const auto found = std::find_if(quorum.members.begin(), quorum.members.end(),
                                  [&](const Namenode& each) { return each.id == quorum.leader; });
  const auto where = found == quorum.members.end() ? hex_64(quorum.leader) : shown_address(*found);
  return where + " leads for " + human_duration(std::chrono::seconds(quorum.led_for_ms / 1000)) +
         ", term " + std::to_string(quorum.term);
}

std::string spare_text(const client::Quorum& quorum) {
  const auto voters = quorum.voters();
  const auto spare = quorum.spare();
  const auto text = std::to_string(voters) + (voters == 1 ? " voter, " : " voters, ");
  if (spare == 0) return text + "none may fail";
  return text + std::to_string(spare) + " may fail";
}

// Programs get three words.
std::string state_of(const Namenode& each) {
  if (each.state == "seeding") return "follower";
  return each.state == "unknown" ? "unreachable" : each.state;
}

nlohmann::json id_json(std::uint64_t id) {
  return id == 0 ? nlohmann::json(nullptr) : nlohmann::json(hex_64(id));
}

}  // namespace

client::Quorum printable(client::Quorum quorum, bool is_terminal) {
  for (auto& each : quorum.members) {
    each.address = printable(each.address, is_terminal);
    each.state = printable(each.state, is_terminal);
  }
  return quorum;
}

std::vector<NamenodeDigest> printable(std::vector<NamenodeDigest> digests, bool is_terminal) {
  for (auto& each : digests) {
    each.namenode.address = printable(each.namenode.address, is_terminal);
    each.problem = printable(each.problem, is_terminal);
  }
  return digests;
}

std::string quorum_text(const client::Quorum& quorum) {
  return leader_text(quorum) + "; " + spare_text(quorum) + "\n" + members_text(quorum.members);
}

std::string namenodes_text(const client::Quorum& quorum) {
  std::string text = "namenodes:  " + std::to_string(quorum.members.size()) + ", " +
                     leader_text(quorum) + "; " + spare_text(quorum) + "\n";
  if (quorum.members.size() < 2) return text;
  for (const auto& each : quorum.members) {
    text += "  " + shown_address(each) + ": " + each.state;
    if (!each.voter) text += ", learner";
    if (each.lag != 0) text += ", " + std::to_string(each.lag) + " entries behind";
    text += "\n";
  }
  return text;
}

nlohmann::json to_json(const client::Quorum& quorum) {
  auto members = nlohmann::json::array();
  for (const auto& each : quorum.members) {
    members.push_back({{"id", hex_64(each.id)},
                       {"role", role_of(each)},
                       {"state", state_of(each)},
                       {"seeding", each.state == "seeding"},
                       {"replaces", id_json(each.replaces)},
                       {"applied", each.applied},
                       {"lag", each.lag},
                       {"version", each.version}});
    put_bytes(members.back(), "address", each.address);
  }
  return {{"leader", id_json(quorum.leader)},
          {"term", quorum.term},
          {"led_for_ms", quorum.led_for_ms},
          {"may_fail", quorum.spare()},
          {"members", std::move(members)}};
}

Verdict verdict_of(const std::vector<NamenodeDigest>& digests) {
  std::set<std::pair<std::uint64_t, std::uint64_t>> found;
  bool whole = true;
  for (const auto& each : digests) {
    if (each.problem.empty()) found.insert({each.change, each.digest});
    whole &= each.problem.empty();
  }
  if (found.size() > 1) return Verdict::kDifferent;
  return whole && !found.empty() ? Verdict::kSame : Verdict::kUnknown;
}

std::string digests_text(const std::vector<NamenodeDigest>& digests) {
  std::string text;
  for (const auto& each : digests) {
    text += hex_64(each.namenode.id) + "  " + shown_address(each.namenode) + "  ";
    text += each.problem.empty() ? hex_64(each.digest) + " at change " + std::to_string(each.change)
                                 : each.problem;
    text += "\n";
  }
  switch (verdict_of(digests)) {
    case Verdict::kSame:
      return text + "all hold the same\n";
    case Verdict::kDifferent:
      return text + "they DIFFER\n";
    case Verdict::kUnknown:
      break;
  }
  return text + "not all could be asked\n";
}

nlohmann::json to_json(const std::vector<NamenodeDigest>& digests) {
  auto members = nlohmann::json::array();
  for (const auto& each : digests) {
    members.push_back({{"id", hex_64(each.namenode.id)}});
    put_bytes(members.back(), "address", each.namenode.address);
    if (each.problem.empty()) {
      members.back()["change"] = each.change;
      members.back()["digest"] = hex_64(each.digest);
      members.back()["problem"] = nullptr;
    } else {
      members.back()["change"] = nullptr;
      members.back()["digest"] = nullptr;
      put_bytes(members.back(), "problem", each.problem);
    }
  }
  const auto verdict = verdict_of(digests);
  return {{"same", verdict == Verdict::kUnknown ? nlohmann::json(nullptr)
                                                : nlohmann::json(verdict == Verdict::kSame)},
          {"members", std::move(members)}};
}

}  // namespace minidfs::cli
