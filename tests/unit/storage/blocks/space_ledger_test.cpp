#include "storage/blocks/space_ledger.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "support/temporary_directory.hpp"

namespace minidfs::storage {

TEST_CASE("A directory that is gone takes no space from the others on its device") {
  const test::TemporaryDirectory parent;
  const std::vector<std::string> directories{parent.file("first"), parent.file("second")};
  for (const auto& directory : directories) std::filesystem::create_directory(directory);
  SpaceLedger ledger(directories, {});
  const auto capacity = ledger.usage().capacity_bytes;
  REQUIRE(capacity > 0);
  const std::size_t gone = GENERATE(0U, 1U);
  std::filesystem::remove(directories[gone]);
  ledger.refresh(gone);
  CHECK(ledger.disk_free(gone) == 0);
  CHECK(ledger.disk_free(1 - gone) > 0);
  CHECK(ledger.usage().capacity_bytes == capacity);
  CHECK(ledger.usage().free_bytes > 0);
}

}  // namespace minidfs::storage
