#include "consensus/members_format.hpp"

#include <catch2/catch.hpp>

#include "base/codec.hpp"

namespace minidfs::consensus {

TEST_CASE("members come back as they were written, and not from fewer bytes") {
  const MemberSet members({7, 9, ~MemberId{0}}, {8});
  const auto bytes = encode_members(members);
  CHECK(decode_members(bytes, "test").value() == members);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK(decode_members(std::string_view(bytes).substr(0, size), "test").error().code ==
          Errc::kCorrupt);
  }
  CHECK_FALSE(decode_members(bytes + "x", "test").ok());
}

TEST_CASE("what is no set of members is refused, a newer version as such") {
  const auto of = [](std::uint8_t version, std::vector<MemberId> voters,
                     std::vector<MemberId> learners) {
    return decode_members(encode(version) + encode(voters) + encode(learners), "test");
  };
  CHECK(of(1, {1, 2}, {3}).ok());
  CHECK(of(1, {}, {3}).error().code == Errc::kCorrupt);
  CHECK(of(1, {0}, {}).error().code == Errc::kCorrupt);
  CHECK(of(1, {4, 4}, {}).error().code == Errc::kCorrupt);
  CHECK(of(1, {4}, {4}).error().code == Errc::kCorrupt);
  CHECK(of(1, {4}, {5, 6}).error().code == Errc::kCorrupt);
  CHECK(of(0, {4}, {}).error().code == Errc::kCorrupt);
  CHECK(of(2, {4}, {}).error().code == Errc::kUnsupported);
}

}  // namespace minidfs::consensus
