#include "http/rest/multipart_parser.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

namespace minidfs::http::rest {
namespace {

// What came out, as text: "[" Content-Type "]" bytes "." for each part, and "end".
struct Trace {
  std::string text;
  std::optional<Error> error;
};

void note(const FormEvent& event, std::string& text) {
  if (const auto* begins = std::get_if<PartBegins>(&event)) {
    text += "[" + std::string(begins->fields.find("content-type").value_or("")) + "]";
  } else if (const auto* data = std::get_if<PartData>(&event)) {
    text += data->bytes;
  } else {
    text += std::holds_alternative<PartEnds>(event) ? "." : "end";
  }
}

// Gives the form in pieces of `piece` bytes, each in memory of its own.
Trace parse(std::string_view form, std::size_t piece, const std::string& boundary = "B",
            MultipartLimits limits = {}) {
  auto parser = MultipartParser::make(boundary, limits);
  REQUIRE(parser.ok());
  Trace trace;
  while (!form.empty()) {
    const std::string own(form.substr(0, piece));
    form.remove_prefix(own.size());
    std::string_view bytes = own;
    for (;;) {
      const auto event = parser->next(bytes);
      if (!event.ok()) {
        trace.error = event.error();
        return trace;
      }
      if (!event->has_value()) break;
      note(**event, trace.text);
    }
    CHECK(bytes.empty());
  }
  if (const auto finished = parser->finish(); !finished.ok()) trace.error = finished.error();
  return trace;
}

// However it is cut.
void check_form(const std::string& form, const std::string& expected) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7},
                                  std::size_t{64}, form.size()}) {
    INFO("in pieces of " << piece);
    const auto trace = parse(form, piece);
    CHECK(trace.text == expected);
    CHECK_FALSE(trace.error);
  }
}

void check_refused(const std::string& form, Errc code, MultipartLimits limits = {}) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, form.size()}) {
    INFO("in pieces of " << piece);
    const auto trace = parse(form, piece, "B", limits);
    REQUIRE(trace.error);
    CHECK(trace.error->code == code);
  }
}

TEST_CASE("the parts of a form come out in order, with their heads") {
  check_form(
      "--B\r\nContent-Type: a\r\nX: "
      "y\r\n\r\nfirst\r\n--B\r\nContent-Type:b\r\n\r\nsecond\r\n--B--\r\n",
      "[a]first.[b]second.end");
}

TEST_CASE("a part may be empty, and a form may have none") {
  check_form("--B\r\nContent-Type: a\r\n\r\n\r\n--B--\r\n", "[a].end");
  check_form("--B\r\n\r\nx\r\n--B--", "[]x.end");
  check_form("--B--\r\n", "end");
}

TEST_CASE("what stands before the first delimiter and behind the last is no part") {
  check_form("be\r\nfore\r\n--B\r\n\r\nx\r\n--B--\r\nbehind\r\n--B\r\n\r\ny\r\n--B--", "[]x.end");
}

TEST_CASE("bytes that look like the beginning of a delimiter are content") {
  for (const std::string content :
       {"\r", "\r\n", "\r\n--", "\r\n-", "a\r\n--A", "\r\r\n--\r\n-\r\n--\r", "--B", "\n--B",
        "\r--B", "\r\n\r\n\r\n", "\r\n--b\r\n"}) {
    INFO(content);
    check_form("--B\r\n\r\n" + content + "\r\n--B--", "[]" + content + ".end");
  }
}

TEST_CASE("spaces may stand behind a delimiter") {
  check_form("--B \t \r\n\r\nx\r\n--B\t\r\n\r\ny\r\n--B--", "[]x.[]y.end");
}

TEST_CASE("large content passes through without being kept") {
  std::string content(1 << 20, '\0');
  std::uint32_t state = 7;
  for (auto& byte : content) {
    state = state * 1664525U + 1013904223U;
    byte = "\r\n-Bx"[(state >> 24U) % 5];
  }
  // A delimiter that came about by chance is none of this content.
  for (auto at = content.find("\r\n--B"); at != content.npos; at = content.find("\r\n--B")) {
    content[at + 4] = 'x';
  }
  const auto form = "--B\r\n\r\n" + content + "\r\n--B--";
  for (const std::size_t piece : {std::size_t{1021}, std::size_t{65536}}) {
    const auto trace = parse(form, piece);
    CHECK(trace.text == "[]" + content + ".end");
    CHECK_FALSE(trace.error);
  }
}

TEST_CASE("a form that breaks off anywhere has not ended, and nor has its part") {
  const std::string form = "--B\r\nContent-Type: a\r\n\r\nfirst\r\n--B--";
  for (std::size_t size = 1; size < form.size(); ++size) {
    INFO(size);
    const auto trace = parse(form.substr(0, size), 4);
    REQUIRE(trace.error);
    CHECK(trace.error->code == Errc::kInvalidArgument);
    CHECK(trace.text.find('.') == std::string::npos);
  }
}

TEST_CASE("what is no form is refused") {
  check_refused("no form at all", Errc::kInvalidArgument);
  check_refused("--B\nContent-Type: a\n\nx\n--B--\n", Errc::kInvalidArgument);
  check_refused("--Bx\r\n\r\ny\r\n--B--", Errc::kInvalidArgument);
  check_refused("--B-\r\n\r\ny\r\n--B--", Errc::kInvalidArgument);
  check_refused("--B\r\nno field\r\n\r\ny\r\n--B--", Errc::kInvalidArgument);
  check_refused("--B\r\n: x\r\n\r\ny\r\n--B--", Errc::kInvalidArgument);
  check_refused("--B\r\nA: x\r\n folded\r\n\r\ny\r\n--B--", Errc::kInvalidArgument);
  check_refused("--B" + std::string(1000, ' ') + "\r\n\r\ny\r\n--B--", Errc::kInvalidArgument);
}

TEST_CASE("neither heads nor parts nor what stands before them are without end") {
  MultipartLimits limits;
  limits.head_bytes_max = 100;
  limits.parts_max = 2;
  const std::string head = "A: " + std::string(93 - 0, 'x') + "\r\n\r\n";
  REQUIRE(head.size() == 100);
  CHECK_FALSE(parse("--B\r\n" + head + "y\r\n--B--", 8, "B", limits).error);
  check_refused("--B\r\nA" + head + "y\r\n--B--", Errc::kTooLarge, limits);
  check_refused("--B\r\n" + std::string(1000, 'x'), Errc::kTooLarge, limits);
  check_refused(std::string(200, 'x') + "\r\n--B--", Errc::kTooLarge, limits);
  const std::string part = "--B\r\n\r\ny\r\n";
  CHECK_FALSE(parse(part + part + "--B--", 8, "B", limits).error);
  check_refused(part + part + part + "--B--", Errc::kTooLarge, limits);
}

TEST_CASE("a boundary is what the standard allows") {
  for (const std::string& good :
       {std::string("x"), std::string(70, 'x'), std::string("a b"),
        std::string("----WebKitFormBoundary7MA4YWxkTrZu0gW"), std::string("'()+_,-./:=?")}) {
    INFO(good);
    CHECK(MultipartParser::make(good).ok());
  }
  for (const std::string& bad : {std::string(), std::string(71, 'x'), std::string("a "),
                                 std::string("a\r\n"), std::string("\"a"), std::string("\xC3")}) {
    INFO(bad);
    CHECK(MultipartParser::make(bad).error().code == Errc::kInvalidArgument);
  }
}

}  // namespace
}  // namespace minidfs::http::rest
