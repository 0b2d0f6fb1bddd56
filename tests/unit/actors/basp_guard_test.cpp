#include "actors/basp_guard.hpp"

#include <algorithm>
#include <caf/atom.hpp>
#include <catch2/catch.hpp>
#include <deque>
#include <string>

using minidfs::actors::BaspGuard;
using minidfs::actors::BaspLimits;
using minidfs::actors::FrameMemory;
using minidfs::actors::kUnchargedBytes;
using minidfs::actors::ProcessId;
using namespace std::chrono_literals;

namespace {

constexpr std::uint8_t kServerHandshake = 0;
constexpr std::uint8_t kClientHandshake = 1;
constexpr std::uint8_t kDirect = 2;
constexpr std::uint8_t kRouted = 3;
constexpr std::uint8_t kHeartbeat = 6;

std::string header(std::uint8_t operation, std::uint32_t payload_bytes) {
  std::string bytes(32, '\0');
  bytes[0] = static_cast<char>(operation);
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[4 + i] = static_cast<char>(payload_bytes >> (24 - 8 * i));
  }
  return bytes;
}

std::string frame(std::uint8_t operation, std::uint32_t payload_bytes) {
  return header(operation, payload_bytes) + std::string(payload_bytes, 'p');
}

// The process whose id frames of this length and more name.
constexpr ProcessId kPeer{0x7070707070707070, 0x7070707070707070};
constexpr std::uint32_t kGreetingBytes = 60;

// Gives a guard bytes as a socket does, and takes out what it hands on.
struct Talk {
  Talk(BaspGuard::Side side, const BaspLimits& limits, const std::shared_ptr<FrameMemory>& memory)
      : guard(side, kPeer, limits, memory, [this] { evicted = true; }) {}

  // False from the first refusal on; what was handed on by then is in `passed`.
  bool say(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto room = guard.room();
      if (room.empty()) return false;
      const auto count = std::min(room.size(), bytes.size());
      std::copy_n(bytes.data(), count, room.data());
      bytes.remove_prefix(count);
      if (!guard.received(count, BaspGuard::TimePoint(now))) return false;
      while (guard.ready()) {
        char part[1000];
        passed.append(part, guard.give(part));
      }
    }
    return true;
  }

  bool evicted = false;
  std::string passed;
  std::chrono::milliseconds now{1'000'000};
  BaspGuard guard;
};

struct Fixture {
  BaspLimits limits;
  std::shared_ptr<FrameMemory> memory = std::make_shared<FrameMemory>(64U << 20U);
  Talk listening{BaspGuard::Side::kListening, limits, memory};
  Talk connecting{BaspGuard::Side::kConnecting, limits, memory};
  const std::string greeting = frame(kClientHandshake, kGreetingBytes);
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a guard lets an ordinary conversation pass, however it is cut up") {
  const auto talk = greeting + frame(kDirect, 1000) + frame(kHeartbeat, 0) + frame(kDirect, 1) +
                    frame(kDirect, 100'000);
  for (std::size_t i = 0; i < talk.size(); ++i) REQUIRE(listening.say(talk.substr(i, 1)));
  CHECK(listening.passed == talk);
  Talk at_once(BaspGuard::Side::kListening, limits, memory);
  CHECK(at_once.say(talk));
  CHECK(at_once.passed == talk);
}

TEST_CASE_METHOD(Fixture, "a guard hands a frame on when it is whole, its parts one by one") {
  REQUIRE(listening.say(greeting));
  listening.passed.clear();
  const auto talk = frame(kDirect, 500);
  REQUIRE(listening.say(talk.substr(0, talk.size() - 1)));
  CHECK(listening.passed.empty());
  const auto room = listening.guard.room();
  room[0] = 'p';
  REQUIRE(listening.guard.received(1, BaspGuard::TimePoint(listening.now)));
  char part[1000];
  CHECK(listening.guard.give(part) == BaspGuard::kHeaderBytes);
  CHECK(listening.guard.ready());
  CHECK(listening.guard.give(part) == 500);
  CHECK_FALSE(listening.guard.ready());
}

TEST_CASE_METHOD(Fixture, "a guard refuses a forged length at the header's last byte") {
  const auto forged = header(kDirect, 0xFFFFFFFF);
  REQUIRE(listening.say(greeting + forged.substr(0, 31)));
  CHECK_FALSE(listening.say(forged.substr(31)));
  CHECK_FALSE(listening.say(frame(kHeartbeat, 0)));
  CHECK(listening.passed == greeting);
  CHECK_FALSE(listening.guard.refusal().empty());
}

TEST_CASE_METHOD(Fixture, "a guard takes a message of the limit and refuses one byte more") {
  REQUIRE(listening.say(greeting + frame(kDirect, limits.payload_bytes_max)));
  CHECK_FALSE(listening.say(header(kDirect, limits.payload_bytes_max + 1)));
}

TEST_CASE_METHOD(Fixture, "a guard wants one handshake of the right side before anything else") {
  CHECK_FALSE(listening.say(frame(kDirect, 10)));
  CHECK_FALSE(connecting.say(frame(kClientHandshake, kGreetingBytes)));
  Talk server(BaspGuard::Side::kListening, limits, memory);
  CHECK_FALSE(server.say(frame(kServerHandshake, kGreetingBytes)));
  Talk twice(BaspGuard::Side::kConnecting, limits, memory);
  REQUIRE(twice.say(frame(kServerHandshake, kGreetingBytes)));
  CHECK_FALSE(twice.say(frame(kServerHandshake, kGreetingBytes)));
  // CAF says its own twice.
  Talk for_others(BaspGuard::Side::kListening, limits, memory);
  REQUIRE(for_others.say(greeting + greeting));
  auto other = greeting;
  other.back() = 'q';
  CHECK_FALSE(for_others.say(other));
}

TEST_CASE_METHOD(Fixture, "a guard refuses frames that CAF would not survive or should not route") {
  const auto refused = GENERATE(header(kRouted, 10), header(7, 0), header(255, 10),
                                header(kDirect, 0), header(kClientHandshake, 0),
                                header(kClientHandshake, 2U << 20U), header(kHeartbeat, 1));
  REQUIRE(listening.say(greeting));
  CHECK_FALSE(listening.say(refused));
}

TEST_CASE_METHOD(Fixture, "a guard refuses a handshake of another process than was admitted") {
  // Every byte of the id counts, and one that is cut off is none.
  for (std::size_t at = 32 + 12; at < 32 + 28; ++at) {
    Talk talk(BaspGuard::Side::kListening, limits, memory);
    auto other = greeting;
    other[at] = 'q';
    CHECK_FALSE(talk.say(other));
  }
  Talk talk(BaspGuard::Side::kListening, limits, memory);
  CHECK_FALSE(talk.say(frame(kClientHandshake, 27)));
}

TEST_CASE_METHOD(Fixture, "a guard refuses messages of CAF's streams") {
  auto stream = header(kDirect, 10);
  stream[8] = '\x20';
  REQUIRE(listening.say(greeting));
  CHECK_FALSE(listening.say(stream));
}

TEST_CASE_METHOD(Fixture, "what is announced takes no memory before it arrives") {
  REQUIRE(listening.say(greeting + header(kDirect, limits.payload_bytes_max)));
  CHECK(memory->used_bytes() == 0);
  REQUIRE(listening.say(std::string(100'000, 'p')));
  CHECK(memory->used_bytes() >= 100'000 - kUnchargedBytes);
  CHECK(memory->used_bytes() <= 200'000);
  REQUIRE(listening.say(std::string(limits.payload_bytes_max - 100'000, 'p')));
  CHECK(memory->used_bytes() == 0);
  CHECK(listening.passed.size() ==
        greeting.size() + BaspGuard::kHeaderBytes + limits.payload_bytes_max);
}

TEST_CASE_METHOD(Fixture, "frames that are never finished make way for those that are") {
  const auto large = frame(kDirect, limits.payload_bytes_max);
  const auto half = large.substr(0, large.size() / 2);
  std::deque<Talk> idle;
  // Each of them holds 8 MiB: more than there is in all.
  for (int i = 0; i < 12; ++i) {
    auto& talk = idle.emplace_back(BaspGuard::Side::kListening, limits, memory);
    REQUIRE(talk.say(greeting + half));
  }
  CHECK(memory->used_bytes() <= 64U << 20U);
  CHECK(idle.front().evicted);
  CHECK_FALSE(idle.front().say("p"));
  CHECK_FALSE(idle.back().evicted);
  for (int i = 0; i < 10; ++i) {
    Talk good(BaspGuard::Side::kListening, limits, memory);
    REQUIRE(good.say(greeting + large));
    CHECK(good.passed.size() == greeting.size() + large.size());
  }
  idle.clear();
  CHECK(memory->used_bytes() == 0);
}

TEST_CASE_METHOD(Fixture, "a peer that takes too long for a frame is refused, a quiet one is not") {
  REQUIRE(listening.say(greeting));
  listening.now += 24h;
  REQUIRE(listening.say(frame(kDirect, 100)));
  listening.now += 24h;
  const auto slow = frame(kDirect, 100);
  REQUIRE(listening.say(slow.substr(0, 1)));
  listening.now += limits.frame_time_max;
  REQUIRE(listening.say(slow.substr(1, 50)));
  listening.now += 1ms;
  CHECK_FALSE(listening.say(slow.substr(51, 1)));
}

TEST_CASE_METHOD(Fixture, "messages reach the published actor and later ones, no earlier one") {
  limits.published = 300;
  const auto message_to = [](std::uint64_t actor, char flags) {
    auto bytes = frame(kDirect, 10);
    for (std::size_t i = 0; i < 8; ++i) bytes[24 + i] = static_cast<char>(actor >> (56 - 8 * i));
    bytes[3] = flags;
    return bytes;
  };
  const auto takes = [&](const std::string& bytes) {
    Talk talk(BaspGuard::Side::kListening, limits, memory);
    REQUIRE(talk.say(greeting));
    return talk.say(bytes);
  };
  CHECK(takes(message_to(300, 0)));
  CHECK(takes(message_to(301, 0)));
  for (const std::uint64_t earlier : {0, 1, 44, 299}) CHECK_FALSE(takes(message_to(earlier, 0)));
  // By name only what CAF asks itself.
  CHECK(takes(message_to(static_cast<std::uint64_t>(caf::atom("SpawnServ")), 1)));
  CHECK_FALSE(takes(message_to(static_cast<std::uint64_t>(caf::atom("ConfigServ")), 1)));
  CHECK_FALSE(takes(message_to(300, 1)));
}
