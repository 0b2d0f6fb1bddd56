// How the namenodes of a cluster are shown. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "client/quorum.hpp"
#include "nlohmann/json_fwd.hpp"

namespace minidfs::cli {

// With every foreign string in it as printable() makes it.
client::Quorum printable(client::Quorum quorum, bool is_terminal);

std::string quorum_text(const client::Quorum& quorum);
// A line for `status`, and one for each namenode.
std::string namenodes_text(const client::Quorum& quorum);
nlohmann::json to_json(const client::Quorum& quorum);

// Whether all namenodes that were asked hold the same.
enum class Verdict { kSame, kDifferent, kUnknown };
Verdict verdict_of(const std::vector<client::NamenodeDigest>& digests);
std::vector<client::NamenodeDigest> printable(std::vector<client::NamenodeDigest> digests,
                                              bool is_terminal);
std::string digests_text(const std::vector<client::NamenodeDigest>& digests);
nlohmann::json to_json(const std::vector<client::NamenodeDigest>& digests);

}  // namespace minidfs::cli
