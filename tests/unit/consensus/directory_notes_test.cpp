#include "consensus/directory_notes.hpp"

#include <catch2/catch.hpp>

#include "support/file_recorder.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::consensus {

using minidfs::test::read_contents;
using minidfs::test::TemporaryDirectory;
using minidfs::test::write_contents;

TEST_CASE("notes come back as they were written, and a damaged one is refused") {
  TemporaryDirectory directory;
  CHECK_FALSE(find_seed_note(directory.path()).value());
  CHECK_FALSE(find_removal_note(directory.path()).value());
  REQUIRE(remove_seed_note(directory.path()).ok());
  REQUIRE(write_seed_note(directory.path(), {{7, 99}, "members"}).ok());
  REQUIRE(write_removal_note(directory.path(), {12}).ok());
  const auto note = find_seed_note(directory.path()).value();
  REQUIRE(note);
  CHECK(note->position == Position{7, 99});
  CHECK(note->members == "members");
  CHECK(find_removal_note(directory.path()).value()->index == 12);
  CHECK_FALSE(find_known_note(directory.path()).value());
  CHECK_FALSE(find_loss_note(directory.path()).value());
  REQUIRE(write_known_note(directory.path(), {5, "all"}).ok());
  REQUIRE(write_loss_note(directory.path(), {13}).ok());
  CHECK(*find_known_note(directory.path()).value() == KnownNote{5, "all"});
  CHECK(find_loss_note(directory.path()).value()->acknowledged == 13);

  const auto whole = read_contents(directory.path());
  for (std::size_t at = 0; at < whole.at("seed").size(); ++at) {
    auto damaged = whole;
    damaged.at("seed")[at] = static_cast<char>(damaged.at("seed")[at] ^ 1);
    write_contents(directory.path(), damaged);
    REQUIRE(find_seed_note(directory.path()).error().code == Errc::kCorrupt);
  }
  write_contents(directory.path(), whole);
  REQUIRE(remove_seed_note(directory.path()).ok());
  CHECK_FALSE(find_seed_note(directory.path()).value());
}

}  // namespace minidfs::consensus
