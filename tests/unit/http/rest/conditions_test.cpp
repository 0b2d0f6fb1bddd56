#include "http/rest/conditions.hpp"

#include <catch2/catch.hpp>

#include "http/dates.hpp"

namespace minidfs::http::rest {
namespace {

constexpr std::int64_t kModified = 1'796'047'200'250;  // 2026-11-30T14:00:00.250Z.

metadata::FileStatus file() {
  metadata::FileStatus status;
  status.name = "f";
  status.id = InodeId{17};
  status.length = 100;
  status.modified_ms = kModified;
  return status;
}

Fields fields(std::initializer_list<std::pair<std::string, std::string>> list) {
  Fields result;
  for (const auto& [name, value] : list) result.add(name, value);
  return result;
}

Judgement judge(std::initializer_list<std::pair<std::string, std::string>> list) {
  return judge_read(fields(list), validators_of(file()));
}

const std::string kTag = validators_of(file()).tag;
const std::string kDate = http_date(kModified);
const std::string kBefore = http_date(kModified - 1000);
const std::string kAfter = http_date(kModified + 1000);

TEST_CASE("a tag is strong, and another one for every other version of a file") {
  CHECK(kTag.front() == '"');
  CHECK(kTag.back() == '"');
  CHECK(kTag == validators_of(file()).tag);
  auto other = file();
  other.id = InodeId{18};
  CHECK(validators_of(other).tag != kTag);
  other = file();
  other.modified_ms += 1;
  CHECK(validators_of(other).tag != kTag);
  other = file();
  other.length += 1;
  CHECK(validators_of(other).tag != kTag);
  other = file();
  other.name = "g";
  CHECK(validators_of(other).tag == kTag);
}

TEST_CASE("without a condition a file is served") { CHECK(judge({}) == Judgement::kServe); }

TEST_CASE("who has this version of a file is not sent it again") {
  CHECK(judge({{"If-None-Match", kTag}}) == Judgement::kNotModified);
  CHECK(judge({{"if-none-match", "\"x\", W/" + kTag + " ,\"y\""}}) == Judgement::kNotModified);
  CHECK(judge({{"If-None-Match", "\"x\""}, {"If-None-Match", kTag}}) == Judgement::kNotModified);
  CHECK(judge({{"If-None-Match", "*"}}) == Judgement::kNotModified);
  CHECK(judge({{"If-None-Match", "\"x\""}}) == Judgement::kServe);
  CHECK(judge({{"If-None-Match", "\"a,b\",\"" + kTag}}) == Judgement::kServe);
  CHECK(judge({{"If-None-Match", "garbage"}}) == Judgement::kServe);
}

TEST_CASE("dates are compared by whole seconds, and not at all beside a tag") {
  CHECK(judge({{"If-Modified-Since", kDate}}) == Judgement::kNotModified);
  CHECK(judge({{"If-Modified-Since", kAfter}}) == Judgement::kNotModified);
  CHECK(judge({{"If-Modified-Since", kBefore}}) == Judgement::kServe);
  CHECK(judge({{"If-Modified-Since", "yesterday"}}) == Judgement::kServe);
  CHECK(judge({{"If-None-Match", "\"x\""}, {"If-Modified-Since", kDate}}) == Judgement::kServe);
}

TEST_CASE("who wants one version only is refused another one") {
  CHECK(judge({{"If-Match", kTag}}) == Judgement::kServe);
  CHECK(judge({{"If-Match", "*"}}) == Judgement::kServe);
  CHECK(judge({{"If-Match", "\"x\""}}) == Judgement::kFailed);
  CHECK(judge({{"If-Match", "W/" + kTag}}) == Judgement::kFailed);
  CHECK(judge({{"If-Unmodified-Since", kDate}}) == Judgement::kServe);
  CHECK(judge({{"If-Unmodified-Since", kBefore}}) == Judgement::kFailed);
  CHECK(judge({{"If-Match", kTag}, {"If-Unmodified-Since", kBefore}}) == Judgement::kServe);
}

TEST_CASE("ranges count for the version that they are wanted of") {
  const auto validators = validators_of(file());
  CHECK(range_counts({}, validators));
  CHECK(range_counts(fields({{"If-Range", kTag}}), validators));
  CHECK(range_counts(fields({{"If-Range", kDate}}), validators));
  CHECK_FALSE(range_counts(fields({{"If-Range", "W/" + kTag}}), validators));
  CHECK_FALSE(range_counts(fields({{"If-Range", "\"x\""}}), validators));
  CHECK_FALSE(range_counts(fields({{"If-Range", kAfter}}), validators));
  CHECK_FALSE(range_counts(fields({{"If-Range", "x"}}), validators));
}

TEST_CASE("a file is replaced when the condition says so") {
  const auto old = std::optional(validators_of(file()));
  const std::optional<Validators> none;
  CHECK(permits_write({}, old));
  CHECK(permits_write({}, none));
  CHECK_FALSE(permits_write(fields({{"If-None-Match", "*"}}), old));
  CHECK(permits_write(fields({{"If-None-Match", "*"}}), none));
  CHECK(permits_write(fields({{"If-Match", kTag}}), old));
  CHECK_FALSE(permits_write(fields({{"If-Match", "\"x\""}}), old));
  CHECK_FALSE(permits_write(fields({{"If-Match", kTag}}), none));
  CHECK_FALSE(permits_write(fields({{"If-Match", "*"}}), none));
}

}  // namespace
}  // namespace minidfs::http::rest
