// What a reader makes of the bytes that come, however they are cut and whatever they are.
#include <random>

#include "unit/transfer/answers.hpp"
#include "unit/transfer/fixture.hpp"

namespace minidfs::transfer {
namespace {

constexpr std::size_t kSlice = storage::kSliceBytes;

// A reader with its peer's bytes.
struct Reading {
  void ask(const ReadRequest& request) {
    REQUIRE(reader.request(std::span(&request, 1), out).ok());
  }

  // Shows the reader `bytes` in pieces of at most `piece`, until an answer ends.
  std::optional<Status> show(const std::string& bytes, std::size_t piece = SIZE_MAX) {
    for (std::size_t at = 0;;) {
      auto step = reader.step(std::as_bytes(std::span(in)), [this](auto part) {
        got.append(reinterpret_cast<const char*>(part.data()), part.size());
        ++parts;
        return sink_status;
      });
      in.erase(0, step.consumed);
      sent += step.send;
      if (step.ended || at == bytes.size()) {
        in += bytes.substr(at);
        return step.ended;
      }
      const auto size = std::min(piece, bytes.size() - at);
      in += bytes.substr(at, size);
      at += size;
    }
  }

  AnswerReader reader{"node:1"};
  std::string out;        // Requests.
  std::string in;         // Not yet consumed.
  std::string got;        // What the sink was given.
  std::size_t parts = 0;  // In how many calls.
  std::string sent;       // Notices of bad slices.
  Status sink_status;
};

ReadRequest request_of(std::uint64_t offset, std::uint64_t length) {
  return {BlockId{1}, kGeneration, offset, length};
}

TEST_CASE("An answer is the same however its bytes are cut") {
  const std::string bytes = std::string(3 * kSlice, 'z') + random_bytes(17 * kSlice + 99);
  const char* compression = GENERATE("none", "zstd");
  const auto piece = GENERATE(std::size_t{1}, std::size_t{1000}, std::size_t{70'000}, SIZE_MAX);
  const std::uint64_t offset = 2 * kSlice + 7;
  const std::uint64_t length = piece == 1 ? 100 : bytes.size() - offset;
  Reading reading;
  reading.ask(request_of(offset, length));
  reading.ask(request_of(5, 3));
  const auto answers = answer_to(request_of(offset, length), bytes, compression) +
                       answer_to(request_of(5, 3), bytes, compression);
  const auto first = reading.show(answers, piece);
  REQUIRE(first.has_value());
  CHECK(first->ok());
  CHECK(reading.got == bytes.substr(offset, length));
  reading.got.clear();
  const auto second = reading.show("");
  REQUIRE(second.has_value());
  CHECK(second->ok());
  CHECK(reading.got == bytes.substr(5, 3));
  CHECK(reading.in.empty());
  CHECK(reading.reader.requested() == 0);
}

TEST_CASE("A sink gets what has come of a frame at once") {
  const std::string bytes = random_bytes(64 * kSlice);
  Reading reading;
  reading.ask(request_of(0, bytes.size()));
  const auto ended = reading.show(answer_to(request_of(0, bytes.size()), bytes));
  REQUIRE(ended.has_value());
  CHECK(ended->ok());
  CHECK(reading.got == bytes);
  CHECK(reading.parts < 64);
}

TEST_CASE("Of a bad slice nothing is handed out, its server is told, and the next answer follows") {
  const std::string bytes = random_bytes(20 * kSlice);
  auto answer = answer_to(request_of(0, bytes.size()), bytes);
  answer[answer.size() - 2 * kSlice - 5] ^= 1;  // In slice 17.
  Reading reading;
  reading.ask(request_of(0, bytes.size()));
  reading.ask(request_of(1, 1));
  const auto ended = reading.show(answer + answer_to(request_of(1, 1), bytes), 100'000);
  REQUIRE(ended.has_value());
  REQUIRE(!ended->ok());
  CHECK(ended->error().code == Errc::kCorrupt);
  CHECK(ended->error().message.starts_with("node:1: "));
  CHECK(reading.got == bytes.substr(0, 17 * kSlice));
  const auto notice = parse_frame(std::as_bytes(std::span(reading.sent)));
  REQUIRE((notice.ok() && notice->has_value()));
  CHECK((*notice)->type == FrameType::kCorruptSlice);
  CHECK(parse_corrupt_slice((*notice)->control)->slice == 17);
  CHECK(reading.sent.size() == (*notice)->total_bytes());
  CHECK(reading.reader.in_step());
  reading.got.clear();
  CHECK(reading.show("")->ok());
  CHECK(reading.got == bytes.substr(1, 1));
}

TEST_CASE("A slice of another block is bad, though its checksum fits its bytes") {
  const std::string bytes = random_bytes(kSlice);
  auto other = request_of(0, kSlice);
  other.block = BlockId{2};
  std::string begins;
  append_frame(begins, FrameType::kReadBegins, ReadBegins{BlockId{1}, 0, 1, kSlice});
  const auto answer = answer_to(other, bytes);
  const auto head = parse_frame(std::as_bytes(std::span(answer)));
  REQUIRE((head.ok() && head->has_value()));
  Reading reading;
  reading.ask(request_of(0, kSlice));
  const auto ended = reading.show(begins + answer.substr((*head)->total_bytes()));
  REQUIRE(ended.has_value());
  CHECK(ended->error().code == Errc::kCorrupt);
  CHECK(reading.got.empty());
}

TEST_CASE("An answer that fails leaves the reader in step") {
  Reading reading;
  reading.ask(request_of(0, 1));
  reading.ask(request_of(0, 1));
  std::string fails;
  append_frame(fails, FrameType::kReadFails, wire_status({Errc::kNotFound, "no such block"}));
  const auto ended = reading.show(fails + answer_to(request_of(0, 1), "x"));
  REQUIRE(ended.has_value());
  CHECK(ended->error().code == Errc::kNotFound);
  CHECK(ended->error().message == "node:1: no such block");
  CHECK(reading.show("")->ok());
  CHECK(reading.got == "x");
}

TEST_CASE("What is no answer to the request puts the reader out of step") {
  const std::string bytes = random_bytes(2 * kSlice);
  auto request = request_of(0, 2 * kSlice);
  request.block_length = 2 * kSlice;
  const auto begins = [](BlockId block, std::uint64_t first, std::uint64_t slices,
                         std::uint64_t length) {
    std::string frame;
    append_frame(frame, FrameType::kReadBegins, ReadBegins{block, first, slices, length});
    return frame;
  };
  const auto good = answer_to(request, bytes);
  std::string unexpected;
  append_frame(unexpected, FrameType::kWelcome, Welcome{});
  std::string failure;
  append_frame(failure, FrameType::kFailure, wire_status({Errc::kWrongCluster, "another cluster"}));
  const auto head_bytes = begins(BlockId{1}, 0, 1, 1).size();
  struct Case {
    std::string bytes;
    Errc code = Errc::kProtocol;
  };
  const auto [wrong, code] = GENERATE_COPY(values<Case>({
      {begins(BlockId{2}, 0, 2, 2 * kSlice)},
      {begins(BlockId{1}, 1, 2, 2 * kSlice)},
      {begins(BlockId{1}, 0, 1, 2 * kSlice)},
      {begins(BlockId{1}, 0, 2, 2 * kSlice + 1)},
      {begins(BlockId{1}, 0, 2, kSlice)},
      {good.substr(head_bytes)},
      {good.substr(0, head_bytes) + good.substr(0, head_bytes)},
      {unexpected},
      {std::string(64, '\xff')},
      {failure, Errc::kWrongCluster},
  }));
  Reading reading;
  reading.ask(request);
  const auto ended = reading.show(wrong, 7);
  REQUIRE(ended.has_value());
  REQUIRE(!ended->ok());
  CHECK(ended->error().code == code);
  CHECK(ended->error().message.starts_with("node:1: "));
  CHECK(reading.got.empty());
  CHECK(!reading.reader.in_step());
}

TEST_CASE("More slices than were announced are not taken") {
  const std::string bytes = random_bytes(3 * kSlice);
  const auto more = answer_to(request_of(0, 3 * kSlice), bytes);
  const auto fewer = answer_to(request_of(0, 2 * kSlice), bytes);
  const auto head = parse_frame(std::as_bytes(std::span(fewer)));
  const auto head_bytes = (*head)->total_bytes();
  Reading reading;
  reading.ask(request_of(0, 2 * kSlice));
  const auto ended = reading.show(fewer.substr(0, head_bytes) + more.substr(head_bytes));
  REQUIRE(ended.has_value());
  CHECK(ended->error().code == Errc::kProtocol);
  CHECK(reading.got.empty());
}

TEST_CASE("An error of the sink ends the answer, and the reader is out of step") {
  Reading reading;
  reading.sink_status = Error{Errc::kNoSpace, "the sink is full"};
  const std::string bytes = random_bytes(40 * kSlice);
  reading.ask(request_of(0, bytes.size()));
  const auto ended = reading.show(answer_to(request_of(0, bytes.size()), bytes), 200'000);
  REQUIRE(ended.has_value());
  CHECK(ended->error().code == Errc::kNoSpace);
  CHECK(!reading.reader.in_step());
}

TEST_CASE("A head in part is no sign of life, a whole one is, and so are any data") {
  const auto sink = [](std::span<const std::byte>) { return Status(); };
  const auto request = request_of(0, kSlice);
  const auto answer = answer_to(request, random_bytes(kSlice));
  const auto head_bytes = (*parse_frame(std::as_bytes(std::span(answer))))->total_bytes();
  AnswerReader reader("node:1");
  std::string out;
  REQUIRE(reader.request(std::span(&request, 1), out).ok());
  const auto bytes = std::as_bytes(std::span(answer));
  CHECK(!reader.step(bytes.first(head_bytes - 1), sink).alive);
  auto step = reader.step(bytes.first(head_bytes), sink);
  CHECK(step.alive);
  CHECK(step.consumed == head_bytes);
  const auto data_begin = answer.size() - kSlice;
  step = reader.step(bytes.subspan(head_bytes, data_begin - head_bytes), sink);
  CHECK(step.alive);
  step = reader.step(bytes.subspan(data_begin, 1), sink);
  CHECK(step.alive);
  CHECK(step.consumed == 0);
  step = reader.step(bytes.subspan(data_begin), sink);
  REQUIRE(step.ended);
  CHECK(step.ended->ok());
}

TEST_CASE("A range that no block has is not asked for, nor is anything with it") {
  AnswerReader reader("node:1");
  std::string out;
  const std::vector<ReadRequest> requests{request_of(0, 1), request_of(UINT64_MAX, 2)};
  CHECK(reader.request(requests, out).error().code == Errc::kInvalidArgument);
  CHECK(out.empty());
  CHECK(reader.requested() == 0);
}

}  // namespace
}  // namespace minidfs::transfer
