#include "actors/basp_guard.hpp"

#include <catch2/catch.hpp>
#include <string>

using minidfs::actors::BaspBudget;
using minidfs::actors::BaspGuard;
using minidfs::actors::BaspLimits;
using minidfs::actors::kUnchargedBytes;

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

struct Fixture {
  std::shared_ptr<BaspBudget> budget = std::make_shared<BaspBudget>(0);
  BaspLimits limits;
  BaspGuard listening{BaspGuard::Side::kListening, limits, budget};
  BaspGuard connecting{BaspGuard::Side::kConnecting, limits, budget};
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a guard lets an ordinary conversation pass, however it is cut up") {
  const auto talk =
      frame(kClientHandshake, 60) + frame(kDirect, 1000) + frame(kHeartbeat, 0) + frame(kDirect, 1);
  for (const char byte : talk) REQUIRE(listening.accept({&byte, 1}));
  BaspGuard at_once(BaspGuard::Side::kListening, limits, budget);
  CHECK(at_once.accept(talk));
}

TEST_CASE_METHOD(Fixture, "a guard refuses a forged length at the header's last byte") {
  const auto forged = header(kDirect, 0xFFFFFFFF);
  REQUIRE(listening.accept(frame(kClientHandshake, 60)));
  REQUIRE(listening.accept({forged.data(), 31}));
  CHECK_FALSE(listening.accept({forged.data() + 31, 1}));
  CHECK_FALSE(listening.accept(frame(kHeartbeat, 0)));
}

TEST_CASE_METHOD(Fixture, "a guard takes a message of the limit and refuses one byte more") {
  REQUIRE(listening.accept(frame(kClientHandshake, 60)));
  REQUIRE(listening.accept(frame(kDirect, limits.payload_bytes_max)));
  CHECK_FALSE(listening.accept(header(kDirect, limits.payload_bytes_max + 1)));
}

TEST_CASE_METHOD(Fixture, "a guard wants a handshake of the right side before anything else") {
  CHECK_FALSE(listening.accept(frame(kDirect, 10)));
  CHECK_FALSE(connecting.accept(frame(kClientHandshake, 10)));
  BaspGuard server(BaspGuard::Side::kListening, limits, budget);
  CHECK_FALSE(server.accept(frame(kServerHandshake, 10)));
  BaspGuard twice(BaspGuard::Side::kConnecting, limits, budget);
  REQUIRE(twice.accept(frame(kServerHandshake, 10)));
  CHECK_FALSE(twice.accept(frame(kServerHandshake, 10)));
}

TEST_CASE_METHOD(Fixture, "a guard refuses frames that CAF would not survive or should not route") {
  const auto refused = GENERATE(header(kRouted, 10), header(7, 0), header(255, 10),
                                header(kDirect, 0), header(kClientHandshake, 0),
                                header(kClientHandshake, 2U << 20U), header(kHeartbeat, 1));
  REQUIRE(listening.accept(frame(kClientHandshake, 60)));
  CHECK_FALSE(listening.accept(refused));
}

TEST_CASE_METHOD(Fixture, "a guard refuses messages of CAF's streams") {
  auto stream = header(kDirect, 10);
  stream[8] = '\x20';
  REQUIRE(listening.accept(frame(kClientHandshake, 60)));
  CHECK_FALSE(listening.accept(stream));
}

TEST_CASE_METHOD(Fixture,
                 "what all connections buffer stays within the budget, and is given back") {
  limits.buffered_bytes_max = 10'000'000;
  const auto large = static_cast<std::uint32_t>(6'000'000 + kUnchargedBytes);
  {
    BaspGuard first(BaspGuard::Side::kListening, limits, budget);
    REQUIRE(first.accept(frame(kClientHandshake, 60) + header(kDirect, large)));
    CHECK(*budget == 6'000'000);
    BaspGuard second(BaspGuard::Side::kListening, limits, budget);
    CHECK_FALSE(second.accept(frame(kClientHandshake, 60) + header(kDirect, large)));
    CHECK(*budget == 6'000'000);
  }
  CHECK(*budget == 0);
}
