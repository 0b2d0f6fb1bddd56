#include "consensus/applier.hpp"

#include "fixture.hpp"

namespace minidfs::consensus::test {
namespace {

constexpr std::uint64_t kProposer = 7;

std::string entry_of(std::uint64_t sequence, std::string_view command) {
  std::string bytes(entry_bytes(command.size()), '\0');
  write_entry({static_cast<std::uint32_t>(command.size()), 1, 0, kProposer, sequence}, command,
              bytes.data());
  return bytes;
}

}  // namespace

TEST_CASE("what did not go into the log is answered at once, what did when it is applied") {
  MemoryState state;
  Applier applier(state, kProposer);
  for (std::uint64_t i = 1; i <= 4; ++i) applier.expect(i, 0, 100 + i);
  applier.fail_from(3, Error{Errc::kNotLeader, "not now"});
  auto answers = applier.take_completions().at(0);
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].token == 103);
  CHECK(answers[1].token == 104);
  for (const auto& answer : answers) CHECK(answer.reply.error().code == Errc::kNotLeader);
  // Their numbers are not used again, so the next ones are answered as ever.
  applier.expect(5, 0, 105);
  for (const std::uint64_t sequence : {1, 2, 5}) {
    REQUIRE(applier.apply(entry_of(sequence, "c")).ok());
  }
  REQUIRE(applier.commit().ok());
  answers = applier.take_completions().at(0);
  REQUIRE(answers.size() == 3);
  for (const auto& answer : answers) CHECK(answer.reply.ok());
  CHECK(answers[2].token == 105);
}

}  // namespace minidfs::consensus::test
