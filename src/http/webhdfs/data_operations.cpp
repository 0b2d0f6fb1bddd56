// The operations that move bytes.
#include <algorithm>
#include <array>

#include "http/incoming/incoming_file.hpp"
#include "http/webhdfs/service.hpp"
#include "metadata/block_limits.hpp"

namespace minidfs::http::webhdfs {
namespace {

using metadata::FileKind;

std::string not_found(const Call& call) { return "File " + call.path + " not found."; }

// --- OPEN --------------------------------------------------------------------------------------

struct Range {
  std::uint64_t offset = 0;
  std::uint64_t length = UINT64_MAX;
};

Result<Range> range_of(const Parameters& parameters) {
  Range range;
  MDFS_TRY(const auto offset, parameters.number("offset", 0));
  if (offset) range.offset = static_cast<std::uint64_t>(*offset);
  MDFS_TRY(const auto length, parameters.number("length", 0));
  if (length) range.length = static_cast<std::uint64_t>(*length);
  return range;
}

asio::awaitable<Answer> open_first(Call& call, const Range& range) {
  const auto file = co_await client::locate(call.context, call.path, range.offset);
  if (!file.ok()) co_return failed_to_look(file.error(), not_found(call));
  const auto& status = file->status;
  if (status.kind == FileKind::kDirectory) {
    co_return failed(Exception::kFileNotFound, "Path is not a file: " + call.path);
  }
  if (range.offset >= status.length && status.length > 0) {
    co_return failed(Exception::kIo, "Offset=" + std::to_string(range.offset) +
                                         " out of the range [0, " + std::to_string(status.length) +
                                         "); OPEN, path=" + call.path);
  }
  auto answer = co_await first_step_at_block(call, *file, range.offset);
  co_return answer;
}

asio::awaitable<Answer> send_file(Call& call, const Range& range) {
  auto file = co_await client::locate(call.context, call.path, range.offset);
  if (!file.ok()) co_return failed_to_look(file.error(), not_found(call));
  if (file->status.kind == FileKind::kDirectory) {
    co_return failed(Exception::kFileNotFound, "Path is not a file: " + call.path);
  }
  if (range.offset > file->status.length) {
    co_return failed(Exception::kEndOfFile, "Offset=" + std::to_string(range.offset) +
                                                " is behind the end of " + call.path + ", " +
                                                std::to_string(file->status.length));
  }
  client::FileDownload download(call.exchange.executor(), call.context, call.path, *std::move(file),
                                range.offset, range.length);
  call.exchange.on_cancel([&download] { download.cancel(); });
  // Before anything is promised.
  auto bytes = co_await download.next();
  if (!bytes.ok()) co_return failed(bytes.error());
  ResponseHead head;
  head.fields.add("Content-Type", "application/octet-stream");
  head.fields.add("Access-Control-Allow-Origin", "*");
  Status sent = co_await call.exchange.begin(std::move(head), download.length());
  const client::FileDownload::Taker send_now = [&call](std::span<const std::byte> come) {
    return call.exchange.try_write(come);
  };
  while (sent.ok() && !bytes->empty()) {
    sent = co_await call.exchange.write(*bytes);
    if (!sent.ok()) break;
    bytes = co_await download.next(send_now);
    // The client notices that the connection ends too early.
    if (!bytes.ok()) break;
  }
  call.exchange.on_cancel(nullptr);
  if (sent.ok() && bytes.ok()) sent = co_await call.exchange.end();
  co_return std::nullopt;
}

asio::awaitable<Answer> open_operation(Call& call) {
  const auto range = range_of(call.parameters);
  if (!range.ok()) co_return failed(range.error());
  if (is_second_step(call)) {
    auto sent = co_await send_file(call, *range);
    co_return sent;
  }
  auto answer = co_await open_first(call, *range);
  co_return answer;
}

// --- CREATE ------------------------------------------------------------------------------------

Result<client::UploadSettings> create_settings(const Call& call) {
  const auto& parameters = call.parameters;
  client::UploadSettings settings;
  MDFS_TRY(settings.overwrite, parameters.boolean("overwrite", false));
  MDFS_TRY(settings.parents, parameters.boolean("createparent", true));
  MDFS_TRY(const auto permission, parameters.permission("permission"));
  settings.permission = permission.value_or(0644);
  const auto unmasked = parameters.permission("unmaskedpermission");
  if (!unmasked.ok()) return unmasked.error();
  MDFS_TRY(const auto block_size, parameters.number("blocksize", 1, metadata::kBlockSizeMax));
  settings.block_size = static_cast<std::uint64_t>(block_size.value_or(0));
  MDFS_TRY(const auto replication, parameters.number("replication", 1, kReplicationMax));
  settings.replication = static_cast<std::uint8_t>(replication.value_or(0));
  settings.owner = call.user;
  settings.group = call.context.options.group;
  return settings;
}

template <class File>
asio::awaitable<Status> take_body(Exchange& exchange, File& file) {
  for (;;) {
    const auto bytes = co_await exchange.read_body();
    if (!bytes.ok()) co_return bytes.error();
    if (bytes->empty()) co_return Status();
    Status written = co_await file.write(*bytes);
    if (!written.ok()) co_return written;
  }
}

// From the body of the request; of what was not committed nothing is left.
asio::awaitable<Status> receive_file(Call& call, client::UploadSettings settings) {
  const auto announced = call.exchange.request().announced_body();
  auto begun = co_await IncomingFile::begin(call.exchange, call.context, call.path,
                                            std::move(settings), announced);
  if (!begun.ok()) co_return std::move(begun).error();
  auto& file = **begun;
  Status taken = co_await take_body(call.exchange, file);
  taken = co_await file.end(std::move(taken));
  co_return taken;
}

asio::awaitable<Answer> create_file(Call& call, client::UploadSettings settings) {
  const Status taken = co_await receive_file(call, std::move(settings));
  if (!taken.ok()) co_return failed(taken.error());
  auto response = empty_response();
  response.head.status = 201;
  response.head.fields.add("Location", "hdfs://" + second_step_at(call) + escape_path(call.path));
  response.head.fields.add("Access-Control-Allow-Origin", "*");
  co_return response;
}

asio::awaitable<Answer> create_operation(Call& call) {
  const auto settings = create_settings(call);
  if (!settings.ok()) co_return failed(settings.error());
  if (!is_second_step(call)) {
    auto answer = co_await first_step(call);
    co_return answer;
  }
  auto answer = co_await create_file(call, *settings);
  co_return answer;
}

// --- APPEND ------------------------------------------------------------------------------------

asio::awaitable<Status> take_growth(Exchange& exchange, client::FileUpload& growth) {
  Status status = co_await growth.check();
  if (status.ok()) status = co_await take_body(exchange, growth);
  if (status.ok()) status = co_await growth.commit();
  co_return status;
}

asio::awaitable<Status> receive_growth(Exchange& exchange,
                                       Result<std::unique_ptr<client::FileUpload>> made) {
  if (!made.ok()) co_return std::move(made).error();
  auto& growth = **made;
  exchange.on_cancel([&growth] { growth.cancel(); });
  Status taken = co_await take_growth(exchange, growth);
  exchange.on_cancel(nullptr);
  co_await growth.close();
  co_return taken;
}

// The file is bound when the header is here: it may be renamed while the bytes arrive.
asio::awaitable<Answer> append_operation(Call& call) {
  const auto status = co_await client::stat(call.context, call.path);
  if (!status.ok()) co_return failed_to_look(status.error(), not_found(call));
  if (status->kind == FileKind::kDirectory) {
    co_return failed(Exception::kFileAlreadyExists, "Cannot append to directory " + call.path +
                                                        "; already exists as a directory.");
  }
  if (!is_second_step(call)) {
    auto answer = co_await first_step(call);
    co_return answer;
  }
  auto upload =
      client::FileUpload::append(call.exchange.executor(), call.context, call.path, *status);
  const Status taken = co_await receive_growth(call.exchange, std::move(upload));
  if (!taken.ok()) co_return failed(taken.error());
  co_return empty_response();
}

constexpr std::array<Named, 4> kDataOperations{{
    {"OPEN", open_operation},
    {"CREATE", create_operation},
    {"APPEND", append_operation},
    {"GETFILECHECKSUM", checksum_operation},
}};

}  // namespace

Operation find_data(std::string_view name) { return find(kDataOperations, name); }

}  // namespace minidfs::http::webhdfs
