// Takes a form with files (multipart/form-data: RFC 7578, 2046) apart while it arrives: bytes go in
// as they come, events come out. Keeps the head of one part and what may be the beginning of a
// delimiter; the files themselves pass through. Pure, and trusts nothing that it is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.hpp"
#include "http/message.hpp"

namespace minidfs::http::rest {

struct PartBegins {
  Fields fields;
};
// The next bytes of the part, which stand there until the next call.
struct PartData {
  std::string_view bytes;
};
// All of the part was there, and its delimiter.
struct PartEnds {};
// Whatever follows is no part of the form.
struct FormEnds {};
using FormEvent = std::variant<PartBegins, PartData, PartEnds, FormEnds>;

struct MultipartLimits {
  std::size_t head_bytes_max = 16 << 10;  // Of one part, and of what stands before the first.
  std::size_t parts_max = 10'000;
};

class MultipartParser {
 public:
  static constexpr std::size_t kBoundaryBytesMax = 70;

  // kInvalidArgument for a boundary that is none (RFC 2046, 5.1.1).
  static Result<MultipartParser> make(std::string_view boundary, MultipartLimits limits = {});

  // Takes bytes off the front until something has happened. Nothing: all are taken, and more are to
  // come. Errors, after which there is nothing more: kInvalidArgument for what is no form,
  // kTooLarge beyond a limit.
  Result<std::optional<FormEvent>> next(std::string_view& bytes);
  // The bytes have ended: kInvalidArgument when the form has not.
  Status finish() const;

 private:
  //            delimiter          line end           empty line
  // kPreamble ----------> kLine -----------> kHead -----------> kContent --> (delimiter: kLine)
  //                         '--> kClosing ("--" after the delimiter) --> kEnded
  enum class State : std::uint8_t { kPreamble, kLine, kHead, kContent, kClosing, kEnded };

  MultipartParser(std::string_view boundary, MultipartLimits limits)
      : limits_(limits), delimiter_("\r\n--" + std::string(boundary)) {}

  Status skip_preamble(std::string_view& bytes);
  std::string_view take_content(std::string_view& bytes);
  std::string_view take_matching(std::string_view& bytes);
  Result<bool> take_line(std::string_view& bytes);
  Result<std::optional<FormEvent>> take_head(std::string_view& bytes);

  MultipartLimits limits_;
  std::string delimiter_;
  State state_ = State::kPreamble;
  // So many bytes of the delimiter have come, at the end of what was given. The first delimiter
  // need not have a line end before it, so this counts as there.
  std::size_t matched_ = 2;
  std::size_t preamble_bytes_ = 0;
  std::size_t parts_ = 0;
  bool in_part_ = false;
  std::string line_;  // What has come of the line behind a delimiter.
  std::string head_;  // What has come of the head of a part.
};

}  // namespace minidfs::http::rest
