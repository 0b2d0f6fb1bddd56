// Messages between namenodes: their bytes, and what a member makes of any that decode.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.hpp"
#include "base/codec.hpp"
#include "base/error.hpp"
#include "consensus/raft/message_format.hpp"
#include "consensus/raft/raft_core.hpp"

using namespace minidfs;
using namespace minidfs::consensus;

namespace {

// A member of three, and everything that its owner owes it.
class FuzzedMember {
 public:
  FuzzedMember() : core_(options()) {
    const std::vector<MembersAt> members{{0, MemberSet({1, 2, 3}, {})}};
    step(Started{{}, {}, {}, members, 0, 0});
  }

  void hear(MemberId from, const Packet& packet) {
    std::vector<EntryInfo> infos;
    std::vector<MembersAt> members;
    for (const auto& entry : packet.entries) {
      infos.push_back({entry.term, entry.kind, static_cast<std::uint32_t>(entry.payload.size())});
      if (entry.kind != EntryKind::kMembers) continue;
      members.push_back({entry.index, members_of(entry.payload)});
    }
    step(MessageArrived{from, packet.message, infos, members});
  }
  // What else there is, by one byte.
  void act(std::uint8_t what) {
    switch (what % 8) {
      case 0:
        return step(Stored{write_});
      case 1:
        return propose(1 + what / 8U);
      case 2:
        return step(ReadAsked{++read_});
      case 3:
        return step(TransferAsked{what / 8U % 5U});
      case 4:
        return step(MembersAsked{core_.members().without(1 + what / 8U % 3U)});
      case 5:
        return apply_and_trim();
      default:
        now_ += std::chrono::milliseconds(what);
        return step(Tick{});
    }
  }

 private:
  static RaftCore::Options options() {
    RaftCore::Options options;
    options.self = 1;
    return options;
  }
  static MemberSet members_of(const std::string& payload) {
    std::vector<MemberId> voters;
    for (const auto byte : payload) voters.push_back(1 + static_cast<std::uint8_t>(byte) % 9U);
    std::sort(voters.begin(), voters.end());
    voters.erase(std::unique(voters.begin(), voters.end()), voters.end());
    if (voters.empty()) voters.push_back(2);
    return {voters, {}};
  }

  void propose(std::uint32_t count) {
    const std::vector<std::uint32_t> bytes(count, 100'000);
    step(Proposed{bytes});
  }
  void apply_and_trim() {
    step(Applied{announced_});
    step(Trimmed{announced_});
  }
  void step(const RaftEvent& event) {
    for (const auto& effect : core_.step(event, now_)) {
      if (const auto* hard = std::get_if<StoreHardState>(&effect)) write_ = hard->write;
      if (const auto* cut = std::get_if<CutLog>(&effect)) write_ = cut->write;
      if (const auto* entries = std::get_if<StoreEntries>(&effect)) write_ = entries->write;
      if (const auto* commit = std::get_if<Commit>(&effect)) announced_ = commit->index;
    }
    MDFS_ASSERT(announced_ <= core_.stored() && announced_ <= core_.committed());
    MDFS_ASSERT(core_.committed() <= core_.log().last_index());
  }

  RaftCore core_;
  RaftCore::TimePoint now_{};
  std::uint64_t write_ = 0;
  std::uint64_t read_ = 0;
  Index announced_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view in(reinterpret_cast<const char*>(data), size);
  static_cast<void>(decode_message(in, "a peer"));
  FuzzedMember member;
  // One byte that says what comes; of a message another one for its length, and its content.
  while (in.size() >= 2) {
    const auto what = static_cast<std::uint8_t>(in[0]);
    if (what < 128) {
      member.act(what);
      in.remove_prefix(1);
      continue;
    }
    const auto length = static_cast<std::uint8_t>(in[1]);
    const auto content = in.substr(2, length);
    in.remove_prefix(2 + content.size());
    const auto sealed = std::string(content) + encode(checksum(content));
    const auto packet = decode_message(sealed, "a peer");
    if (!packet.ok()) continue;
    MDFS_ASSERT(encode_message(packet->message, packet->entries) == sealed);
    member.hear(what % 5U, *packet);
  }
  return 0;
}
