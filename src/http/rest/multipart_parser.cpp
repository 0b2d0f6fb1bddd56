#include "http/rest/multipart_parser.hpp"

#include <algorithm>
#include <utility>

#include "http/field_text.hpp"

namespace minidfs::http::rest {
namespace {

// Spaces may stand behind a delimiter, for the sake of mail.
constexpr std::size_t kLineBytesMax = 128;

Error malformed(std::string_view why) {
  return {Errc::kInvalidArgument, "the form is malformed: " + std::string(why)};
}

bool is_boundary_character(char each) {
  return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
         (each >= '0' && each <= '9') ||
         std::string_view("'()+_,-./:=? ").find(each) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char each) {
    return each > ' ' && each < 0x7F && each != ':';
  });
}

// Whether this may become the line behind a delimiter.
bool begins_line(std::string_view line) {
  if (line == "-" || line == "--") return true;
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line.empty() || line == "\r" || line == "\r\n";
}

Result<Fields> parse_head(std::string_view head) {
  Fields fields;
  while (!head.starts_with("\r\n")) {
    const auto end = head.find("\r\n");
    const auto line = head.substr(0, end);
    const auto colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon))) {
      return malformed("a line in the head of a part is no field");
    }
    fields.add(std::string(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1))));
    head.remove_prefix(end + 2);
  }
  return fields;
}

}  // namespace

Result<MultipartParser> MultipartParser::make(std::string_view boundary, MultipartLimits limits) {
  if (boundary.empty() || boundary.size() > kBoundaryBytesMax || boundary.back() == ' ' ||
      !std::all_of(boundary.begin(), boundary.end(), is_boundary_character)) {
    return Error{Errc::kInvalidArgument, "the boundary of the form is none"};
  }
  return MultipartParser(boundary, limits);
}

Result<std::optional<FormEvent>> MultipartParser::next(std::string_view& bytes) {
  for (;;) {
    switch (state_) {
      case State::kPreamble:
        MDFS_CHECK(skip_preamble(bytes));
        break;
      case State::kLine: {
        MDFS_TRY(const bool whole, take_line(bytes));
        if (whole && std::exchange(in_part_, false)) return std::optional<FormEvent>(PartEnds{});
        break;
      }
      case State::kHead: {
        MDFS_TRY(auto event, take_head(bytes));
        if (event) return event;
        break;
      }
      case State::kContent: {
        const auto content = take_content(bytes);
        if (!content.empty()) return std::optional<FormEvent>(PartData{content});
        break;
      }
      case State::kClosing:
        state_ = State::kEnded;
        return std::optional<FormEvent>(FormEnds{});
      case State::kEnded:
        bytes = {};
        break;
    }
    if (bytes.empty() && state_ != State::kClosing) return std::optional<FormEvent>();
  }
}

Status MultipartParser::finish() const {
  if (state_ == State::kEnded) return {};
  return malformed(in_part_ ? "it breaks off in the middle of a part" : "it breaks off");
}

Status MultipartParser::skip_preamble(std::string_view& bytes) {
  preamble_bytes_ += take_content(bytes).size();
  if (preamble_bytes_ <= limits_.head_bytes_max) return {};
  return Error{Errc::kTooLarge, "more than " + std::to_string(limits_.head_bytes_max) +
                                    " bytes before the first part of the form"};
}

// Takes what stands before the delimiter off the front, and the delimiter. Empty: nothing has come
// but what is, or may become, a delimiter.
std::string_view MultipartParser::take_content(std::string_view& bytes) {
  if (matched_ > 0) return take_matching(bytes);
  if (const auto begin = bytes.find(delimiter_); begin != bytes.npos) {
    const auto content = bytes.substr(0, begin);
    bytes.remove_prefix(begin + delimiter_.size());
    state_ = State::kLine;
    return content;
  }
  // The delimiter has one CR, its first byte: it can only begin at the last one.
  auto content = std::exchange(bytes, {});
  const auto tail = content.substr(content.size() - std::min(content.size(), delimiter_.size()));
  const auto last = tail.rfind('\r');
  if (last != tail.npos && delimiter_.starts_with(tail.substr(last))) {
    matched_ = tail.size() - last;
    content.remove_suffix(matched_);
  }
  return content;
}

// Goes on with a delimiter of which some bytes have come. When they were none of it after all, they
// are content.
std::string_view MultipartParser::take_matching(std::string_view& bytes) {
  const auto rest = std::string_view(delimiter_).substr(matched_);
  const auto count = static_cast<std::size_t>(
      std::mismatch(rest.begin(), rest.end(), bytes.begin(), bytes.end()).first - rest.begin());
  matched_ += count;
  bytes.remove_prefix(count);
  if (matched_ == delimiter_.size()) {
    matched_ = 0;
    state_ = State::kLine;
    return {};
  }
  if (bytes.empty()) return {};
  return std::string_view(delimiter_).substr(0, std::exchange(matched_, 0));
}

// Whether the line behind a delimiter is whole.
Result<bool> MultipartParser::take_line(std::string_view& bytes) {
  while (!bytes.empty()) {
    line_ += bytes.front();
    bytes.remove_prefix(1);
    if (line_.size() > kLineBytesMax || !begins_line(line_)) {
      return malformed("something else follows a delimiter than the end of the line");
    }
    const bool closing = line_ == "--";
    if (!closing && !line_.ends_with('\n')) continue;
    line_.clear();
    state_ = closing ? State::kClosing : State::kHead;
    return true;
  }
  return false;
}

Result<std::optional<FormEvent>> MultipartParser::take_head(std::string_view& bytes) {
  while (!bytes.empty()) {
    head_ += bytes.front();
    bytes.remove_prefix(1);
    if (head_.size() > limits_.head_bytes_max) {
      return Error{Errc::kTooLarge, "the head of a part of the form has more than " +
                                        std::to_string(limits_.head_bytes_max) + " bytes"};
    }
    if (head_ != "\r\n" && !head_.ends_with("\r\n\r\n")) continue;
    if (++parts_ > limits_.parts_max) {
      return Error{Errc::kTooLarge,
                   "the form has more than " + std::to_string(limits_.parts_max) + " parts"};
    }
    MDFS_TRY(auto fields, parse_head(head_));
    head_.clear();
    state_ = State::kContent;
    in_part_ = true;
    return std::optional<FormEvent>(PartBegins{std::move(fields)});
  }
  return std::optional<FormEvent>();
}

}  // namespace minidfs::http::rest
