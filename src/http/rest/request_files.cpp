#include "http/rest/request_files.hpp"

#include "base/option_types.hpp"
#include "base/units.hpp"

namespace minidfs::http::rest {
namespace {

Error invalid(std::string_view parameter, const std::string& value) {
  return {Errc::kInvalidArgument,
          std::string(parameter) + "=" + value + ": not a value of this parameter"};
}

}  // namespace

Result<client::UploadSettings> upload_settings(const RestCall& call) {
  client::UploadSettings settings;
  settings.owner = owner_of(call);
  settings.group = call.context.options.group;
  if (const auto text = call.query.find("replication")) {
    const auto copies = parse_number(*text);
    if (!copies || *copies == 0 || *copies > UINT8_MAX) return invalid("replication", *text);
    settings.replication = static_cast<std::uint8_t>(*copies);
  }
  if (const auto text = call.query.find("block_size")) {
    MDFS_TRY(settings.block_size, parse_size(*text));
    if (settings.block_size == 0) return invalid("block_size", *text);
  }
  if (const auto text = call.query.find("compression")) {
    MDFS_TRY(settings.compression, option_types::CompressionName::parse(*text));
  }
  return settings;
}

asio::awaitable<Result<std::span<const std::byte>>> next_of_body(Exchange& exchange) {
  auto bytes = co_await exchange.read_body();
  if (!bytes.ok() && bytes.error().code == Errc::kProtocol) {
    co_return Error{Errc::kInvalidArgument, bytes.error().message};
  }
  co_return bytes;
}

}  // namespace minidfs::http::rest
