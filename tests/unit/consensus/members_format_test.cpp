#include "consensus/members_format.hpp"

#include <catch2/catch.hpp>

#include "base/codec.hpp"
#include "consensus/segments/log_state.hpp"

namespace minidfs::consensus {
namespace {

constexpr auto kVoter = MemberRole::kVoter;
constexpr auto kLearner = MemberRole::kLearner;

// A member in its bytes, sound or not.
std::string member(MemberId id, std::uint8_t role, const std::string& address = "a:1") {
  return encode(id) + encode(role) + encode(address) + encode(MemberId{0});
}

std::string roster(const std::vector<std::string>& members) {
  auto bytes = encode(std::uint8_t{2}) + encode(static_cast<std::uint32_t>(members.size()));
  for (const auto& each : members) bytes += each;
  return bytes;
}

Errc refusal(const std::string& bytes) { return decode_members(bytes, "test").error().code; }

}  // namespace

TEST_CASE("members come back as they were written, and not from fewer bytes") {
  const Roster members({{{9, "host:8021"}, kVoter, 0},
                        {{7, ""}, kVoter, 4},
                        {{~MemberId{0}, "[::1]:1"}, kLearner, 9}});
  const auto bytes = encode_members(members);
  CHECK(decode_members(bytes, "test").value() == members);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK(refusal(bytes.substr(0, size)) == Errc::kCorrupt);
  }
  CHECK_FALSE(decode_members(bytes + "x", "test").ok());
}

TEST_CASE("the largest set of members has room in the state of a log") {
  std::vector<RosterMember> members;
  for (MemberId id = 1; id <= kMembersMax; ++id) {
    members.push_back({{id, std::string(kAddressMaxBytes, 'h')}, kVoter, 1});
  }
  CHECK(encode_members(Roster(members)).size() <= kStoredMembersMaxBytes);
}

TEST_CASE("what is no set of members is refused, a newer version as such") {
  CHECK(decode_members(roster({member(1, 0), member(2, 1)}), "test").ok());
  CHECK(refusal(roster({})) == Errc::kCorrupt);
  CHECK(refusal(roster({member(1, 1)})) == Errc::kCorrupt);
  CHECK(refusal(roster({member(0, 0)})) == Errc::kCorrupt);
  CHECK(refusal(roster({member(4, 0), member(4, 1)})) == Errc::kCorrupt);
  CHECK(refusal(roster({member(4, 0), member(5, 1), member(6, 1)})) == Errc::kCorrupt);
  CHECK(refusal(roster({member(4, 2)})) == Errc::kCorrupt);
  CHECK(refusal(roster({member(4, 0, std::string(kAddressMaxBytes + 1, 'h'))})) == Errc::kCorrupt);
  CHECK(refusal(encode(std::uint8_t{0})) == Errc::kCorrupt);
  CHECK(refusal(encode(std::uint8_t{3})) == Errc::kUnsupported);
}

TEST_CASE("members of before they had addresses are read") {
  const auto of = [](std::vector<MemberId> voters, std::vector<MemberId> learners) {
    return decode_members(encode(std::uint8_t{1}) + encode(voters) + encode(learners), "test");
  };
  CHECK(of({2, 1}, {3}).value() == Roster(MemberSet({1, 2}, {3})));
  CHECK(of({}, {3}).error().code == Errc::kCorrupt);
  CHECK(of({4, 4}, {}).error().code == Errc::kCorrupt);
  CHECK(of({4}, {5, 6}).error().code == Errc::kCorrupt);
}

}  // namespace minidfs::consensus
