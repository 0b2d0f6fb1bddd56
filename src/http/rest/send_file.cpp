#include "http/rest/resources.hpp"
// The above comes first: see net/asio.hpp.
#include <utility>
#include <vector>

#include "base/random_id.hpp"
#include "http/dates.hpp"
#include "http/rest/byte_ranges.hpp"
#include "http/rest/conditions.hpp"
#include "http/rest/content_disposition.hpp"
#include "http/rest/media_types.hpp"
#include "http/rest/rest_json.hpp"

namespace minidfs::http::rest {
namespace {

// The body of the answer: ranges of the file, each with a text before it, and a text at the end.
struct Body {
  struct Part {
    std::string head;
    ByteRange range;
  };
  std::vector<Part> parts;
  std::string end;

  std::uint64_t length() const {
    std::uint64_t bytes = end.size();
    for (const auto& part : parts) bytes += part.head.size() + part.range.length;
    return bytes;
  }
};

// Sends it. The answer begins with the first bytes of the file, so that what keeps them from being
// read can still be told.
class FileSender {
 public:
  // `first` is the first page of the file's blocks.
  FileSender(RestCall& call, actors::LocatedFile first, ResponseHead head, Body body)
      : call_(call), first_(std::move(first)), head_(std::move(head)), body_(std::move(body)) {}

  asio::awaitable<Status> send() {
    Status sent;
    for (const auto& part : body_.parts) {
      if (call_.exchange.request().is_head()) break;
      sent = co_await send_part(part);
      if (!sent.ok()) co_return sent;
    }
    sent = co_await write(body_.end);
    if (!sent.ok()) co_return sent;
    sent = co_await call_.exchange.end();
    co_return sent;
  }

 private:
  asio::awaitable<Status> send_part(const Body::Part& part) {
    auto page = co_await page_at(part.range.offset);
    if (!page.ok()) co_return page.error();
    client::FileDownload download(call_.exchange.executor(), call_.context, call_.path,
                                  *std::move(page), part.range.offset, part.range.length);
    call_.exchange.on_cancel([&download] { download.cancel(); });
    Status sent = co_await send_bytes(part, download);
    call_.exchange.on_cancel(nullptr);
    co_return sent;
  }

  asio::awaitable<Status> send_bytes(const Body::Part& part, client::FileDownload& download) {
    if (download.length() != part.range.length) co_return changed();
    auto bytes = co_await download.next();
    if (!bytes.ok()) co_return bytes.error();
    Status written = co_await write(part.head);
    const client::FileDownload::Taker send_now = [this](std::span<const std::byte> come) {
      return call_.exchange.try_write(come);
    };
    while (written.ok() && !bytes->empty()) {
      written = co_await call_.exchange.write(*bytes);
      if (!written.ok()) break;
      bytes = co_await download.next(send_now);
      if (!bytes.ok()) co_return bytes.error();
    }
    co_return written;
  }

  asio::awaitable<Status> write(std::string_view text) {
    if (!call_.exchange.answered()) {
      Status begun = co_await call_.exchange.begin(head_, body_.length());
      if (!begun.ok()) co_return begun;
    }
    const std::span bytes(text);
    Status written = co_await call_.exchange.write(std::as_bytes(bytes));
    co_return written;
  }

  // The page of blocks that has the byte: of this very file, as whose bytes the answer is given.
  asio::awaitable<Result<actors::LocatedFile>> page_at(std::uint64_t offset) {
    const auto& blocks = first_.blocks;
    if (!blocks.empty() && offset < blocks.back().offset + blocks.back().block.length) {
      co_return first_;
    }
    auto page = co_await client::locate(call_.context, call_.path, offset);
    if (page.ok() && validators_of(page->status).tag != validators_of(first_.status).tag) {
      co_return changed();
    }
    co_return page;
  }

  Error changed() const { return {Errc::kStale, call_.path + ": was changed while it was read"}; }

  RestCall& call_;
  const actors::LocatedFile first_;
  const ResponseHead head_;
  const Body body_;
};

// What is said of the file's version, also when the client has it already.
void add_validators(Fields& fields, const Validators& file) {
  fields.add("ETag", file.tag);
  fields.add("Last-Modified", http_date(file.modified_ms));
  fields.add("Cache-Control", "no-cache");  // To be asked for again each time, by its tag.
}

// Files are anybody's: whatever is in one, it must not run as a page of this server.
void add_precautions(Fields& fields) {
  fields.add("X-Content-Type-Options", "nosniff");
  fields.add("Content-Security-Policy", "sandbox");
}

std::string part_head(std::string_view boundary, std::string_view type, const ByteRange& range,
                      std::uint64_t length) {
  std::string text = "\r\n--" + std::string(boundary) + "\r\nContent-Type: ";
  text += type;
  return text + "\r\nContent-Range: " + content_range(range, length) + "\r\n\r\n";
}

// Adds to the head what the body is.
Body body_of(const RangeChoice& choice, std::string_view type, std::uint64_t length,
             ResponseHead& head) {
  Body body;
  if (choice.kind == RangeChoice::Kind::kWhole) {
    head.fields.add("Content-Type", std::string(type));
    if (length > 0) body.parts.push_back({"", {0, length}});
    return body;
  }
  head.status = 206;
  if (choice.ranges.size() == 1) {
    head.fields.add("Content-Type", std::string(type));
    head.fields.add("Content-Range", content_range(choice.ranges.front(), length));
    body.parts.push_back({"", choice.ranges.front()});
    return body;
  }
  const auto random = random_128();
  const auto boundary = hex_64(random.high) + hex_64(random.low);
  head.fields.add("Content-Type", "multipart/byteranges; boundary=" + boundary);
  for (const auto& range : choice.ranges) {
    body.parts.push_back({part_head(boundary, type, range, length), range});
  }
  body.end = "\r\n--" + boundary + "--\r\n";
  return body;
}

Response not_modified(const Validators& file) {
  Response response;
  response.head.status = 304;
  add_validators(response.head.fields, file);
  return response;
}

Response unsatisfiable(const std::string& path, std::uint64_t length) {
  const Error error{Errc::kInvalidArgument,
                    path + ": has " + std::to_string(length) + " bytes, and none of the range"};
  auto response = error_response(error, 416);
  response.head.fields.add("Content-Range", unsatisfied_range(length));
  response.head.fields.add("Accept-Ranges", "bytes");
  return response;
}

// Ranges are of GET only.
RangeChoice ranges_of(const RequestHead& request, const Validators& file, std::uint64_t length) {
  const auto field = request.fields.find("Range");
  if (!field || request.is_head() || !range_counts(request.fields, file)) return {};
  return choose_ranges(*field, length);
}

}  // namespace

asio::awaitable<Status> send_file(RestCall& call) {
  const auto wants_shown = flag(call.query, "inline");
  if (!wants_shown.ok()) co_return wants_shown.error();
  auto located = co_await client::locate(call.context, call.path, 0);
  if (!located.ok()) co_return located.error();
  if (located->status.kind == metadata::FileKind::kDirectory) {
    co_return Error{Errc::kIsADirectory, call.path + ": is a directory"};
  }
  const auto& request = call.exchange.request();
  const auto length = located->status.length;
  const auto file = validators_of(located->status);
  const auto judgement = judge_read(request.fields, file);
  if (judgement == Judgement::kFailed) {
    const Error error{Errc::kStale, call.path + ": the condition of the request does not hold"};
    auto response = error_response(error, 412);
    co_await call.exchange.respond(std::move(response));
    co_return Status();
  }
  if (judgement == Judgement::kNotModified) {
    auto response = not_modified(file);
    co_await call.exchange.respond(std::move(response));
    co_return Status();
  }
  const auto choice = ranges_of(request, file, length);
  if (choice.kind == RangeChoice::Kind::kUnsatisfiable) {
    auto response = unsatisfiable(call.path, length);
    co_await call.exchange.respond(std::move(response));
    co_return Status();
  }
  const auto& name = located->status.name;
  const auto shown_type = *wants_shown ? shown_type_of(name) : std::string_view();
  const auto type = shown_type.empty() ? media_type_of(name) : shown_type;
  ResponseHead head;
  add_validators(head.fields, file);
  add_precautions(head.fields);
  head.fields.add("Accept-Ranges", "bytes");
  head.fields.add("Content-Disposition",
                  content_disposition(shown_type.empty() ? "attachment" : "inline", name));
  auto body = body_of(choice, type, length, head);
  FileSender sender(call, *std::move(located), std::move(head), std::move(body));
  Status sent = co_await sender.send();
  co_return sent;
}

}  // namespace minidfs::http::rest
