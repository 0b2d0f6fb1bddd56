#include "consensus/segments/mirrored_block.hpp"

#include <fcntl.h>

#include "base/checksum.hpp"
#include "base/codec.hpp"
#include "base/file.hpp"
#include "log_fixture.hpp"

namespace minidfs::consensus::test {
namespace {

constexpr MirroredBlock::Places kPlaces{0, kBlockBytes};

Result<std::string> load(const std::string& path) {
  const auto fd = open_file(path, O_RDONLY).value();
  return MirroredBlock(BlockMagic::kState, kPlaces, path).load(fd.get());
}

// A whole block that says another version.
std::string of_version(std::uint32_t version) {
  auto bytes = encode_block(BlockMagic::kState, 9, "content");
  bytes.replace(8, 4, encode(version));
  const auto sum = checksum(std::string_view(bytes).substr(0, kBlockBytes - 8));
  return bytes.replace(kBlockBytes - 8, 8, encode(sum));
}

}  // namespace

TEST_CASE("a block is read as it was written, and not with any byte changed or missing") {
  const auto bytes = encode_block(BlockMagic::kSegment, 12, "content");
  REQUIRE(bytes.size() == kBlockBytes);
  const auto block = decode_block(BlockMagic::kSegment, bytes, "block").value();
  CHECK(block.count == 12);
  CHECK(block.content == "content");
  CHECK_FALSE(decode_block(BlockMagic::kState, bytes, "block").ok());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    REQUIRE_FALSE(decode_block(BlockMagic::kSegment, damaged, "block").ok());
    REQUIRE_FALSE(decode_block(BlockMagic::kSegment, bytes.substr(0, i), "block").ok());
  }
}

TEST_CASE("the newer of two whole copies holds, and one whole copy is enough") {
  TemporaryDirectory directory;
  const auto older = encode_block(BlockMagic::kState, 4, "older");
  const auto newer = encode_block(BlockMagic::kState, 5, "newer");
  const std::string damaged(kBlockBytes, '\7');
  const auto result = [&](const std::string& bytes) { return load(directory.write("b", bytes)); };
  CHECK(result(older + newer).value() == "newer");
  CHECK(result(newer + older).value() == "newer");
  CHECK(result(damaged + older).value() == "older");
  CHECK(result(newer + damaged).value() == "newer");
  CHECK(result(newer).value() == "newer");  // The file was cut short.
  const auto none = result(damaged + damaged);
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().code == Errc::kCorrupt);
  CHECK(none.error().message.find(directory.file("b")) != std::string::npos);
}

TEST_CASE("a block of a newer version is refused as such, whatever the other copy is") {
  TemporaryDirectory directory;
  const auto known = encode_block(BlockMagic::kState, 99, "known");
  REQUIRE(load(directory.write("b", of_version(1) + of_version(1))).value() == "content");
  for (const auto& bytes : {known + of_version(2), of_version(2) + known}) {
    CHECK(load(directory.write("b", bytes)).error().code == Errc::kUnsupported);
  }
  CHECK(load(directory.write("b", of_version(0) + of_version(0))).error().code == Errc::kCorrupt);
}

TEST_CASE("one copy is whole at any time while a block is stored, also with damage to the other") {
  TemporaryDirectory directory;
  const auto path = directory.write(
      "b", encode_block(BlockMagic::kState, 1, "0") + encode_block(BlockMagic::kState, 1, "0"));
  const auto start = read_contents(directory.path());
  const auto fd = open_file(path, O_RDWR).value();
  MirroredBlock block(BlockMagic::kState, kPlaces, path);
  REQUIRE(block.load(fd.get()).ok());
  FileRecorder recorder(directory.path());
  for (const auto* content : {"1", "2", "3"}) REQUIRE(block.store(fd.get(), content).ok());
  REQUIRE(recorder.calls().size() == 12);  // Three times two writes and two syncs.
  for (std::size_t crash = 0; crash < 12; ++crash) {
    const auto& call = recorder.calls()[crash];
    if (call.kind != FileCall::Kind::kWrite) continue;
    // Everything before is durable by then, or this write would not have begun.
    auto bytes = start.at("b");
    for (std::size_t i = 0; i < crash; ++i) {
      const auto& done = recorder.calls()[i];
      if (done.kind == FileCall::Kind::kWrite) bytes.replace(done.offset, kBlockBytes, done.bytes);
    }
    bytes.replace(call.offset, 100, std::string(100, '\7'));
    CAPTURE(crash);
    const auto loaded = load(directory.write("copy", bytes));
    REQUIRE(loaded.ok());
    const auto stored = crash / 4;
    CHECK((*loaded == std::to_string(stored) || *loaded == std::to_string(stored + 1)));
    CHECK((crash % 4 != 0 || *loaded == std::to_string(stored)));
  }
}

}  // namespace minidfs::consensus::test
