#include "base/file_checksum.hpp"

#include <catch2/catch.hpp>
#include <string_view>

namespace minidfs {
namespace {

void add(FileChecksum& sum, std::string_view text) {
  sum.update(std::as_bytes(std::span(text.data(), text.size())));
}

TEST_CASE("the checksum of nothing is the known one of XXH3-128") {
  CHECK(FileChecksum().hex() == "99aa06d3014798d86001c324468d497f");
}

TEST_CASE("the digits are those that xxhsum -H2 prints for the same bytes") {
  FileChecksum sum;
  add(sum, "hello minidfs\n");
  CHECK(sum.hex() == "8e7f91f2568c7384840c4ea7723f99b5");
}

TEST_CASE("the checksum does not depend on how the bytes are cut") {
  const std::string text(10'000, 'x');
  FileChecksum whole;
  add(whole, text);
  FileChecksum pieces;
  add(pieces, text.substr(0, 1));
  add(pieces, text.substr(1, 4096));
  add(pieces, text.substr(4097));
  CHECK(pieces.hex() == whole.hex());
}

}  // namespace
}  // namespace minidfs
