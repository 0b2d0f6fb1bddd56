#include "auth/secret_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <span>
#include <utility>

#include "auth/private_file.hpp"
#include "base/checksum.hpp"
#include "base/file.hpp"
#include "base/random_id.hpp"
#include "base/units.hpp"

namespace minidfs::auth {
namespace {

constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kFileBytesMax = 4096;

constexpr std::string_view kDigits = "0123456789abcdef";

std::string digits_of(const Key& key) {
  std::string digits;
  for (const auto byte : key.bytes()) {
    digits += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    digits += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return digits;
}

std::optional<Key> key_of(std::string_view digits) {
  Bytes32 bytes;
  if (digits.size() != 2 * bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const auto value = kDigits.find(digits[i]);
    if (value == std::string_view::npos) return std::nullopt;
    auto& byte = bytes[i / 2];
    byte = (i % 2 == 0 ? std::byte{0} : byte << 4) | static_cast<std::byte>(value);
  }
  const Key key(bytes);
  wipe(bytes);
  return key;
}

std::string text_of(std::string_view kind, const NamedKey& held) {
  std::string text = "format=" + std::to_string(kFormat) + "\nkind=" + std::string(kind) +
                     "\nid=" + to_string(held.id) + "\nkey=" + digits_of(held.key) + "\n";
  const Id128<void> digest{0, checksum(text)};
  return text + "checksum=" + to_string(digest).substr(16) + "\n";
}

// Takes the line "key=value" off `text`; empty when it is not there.
std::string_view take_line(std::string_view& text, std::string_view key) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  if (end == std::string_view::npos || !line.starts_with(key)) return {};
  text.remove_prefix(end + 1);
  return line.substr(key.size());
}

}  // namespace

std::string secret_text(const Key& secret) { return text_of("secret", {KeyId{}, secret}); }

std::string client_key_text(const NamedKey& client_key) { return text_of("client", client_key); }

Result<Credentials> parse_credentials(std::string_view text, const std::string& name) {
  std::string_view rest = text;
  const auto format = parse_number(take_line(rest, "format="));
  if (format && *format > kFormat) {
    return Error{Errc::kUnsupported, name + ": format " + std::to_string(*format) +
                                         " of a secret file is newer than this program's " +
                                         std::to_string(kFormat) + "; use a newer minidfs"};
  }
  const auto kind = take_line(rest, "kind=");
  const auto id = parse_128(take_line(rest, "id="), "id");
  auto key = key_of(take_line(rest, "key="));
  const bool known = kind == "secret" || kind == "client";
  if (known && id.ok() && key) {
    NamedKey held{KeyId{id->high, id->low}, *std::move(key)};
    // Nothing but what would be written is taken; and only a client's key has an id.
    if (text_of(kind, held) == text && held.id.is_none() == (kind == "secret")) {
      return kind == "secret" ? Credentials(std::move(held.key)) : Credentials(std::move(held));
    }
  }
  return Error{Errc::kCorrupt, name +
                                   ": is no secret of minidfs, or is damaged (`minidfs secret "
                                   "new FILE` makes one)"};
}

Result<CredentialsPtr> load_credentials(const std::string& path) {
  MDFS_TRY(auto text, read_private_file(path, "secret", kFileBytesMax));
  auto parsed = parse_credentials(text, path);
  wipe(std::as_writable_bytes(std::span(text)));
  if (!parsed.ok()) return std::move(parsed).error();
  return std::make_shared<const Credentials>(std::move(parsed).value());
}

Status write_secret_file(const std::string& path, std::string_view text) {
  MDFS_TRY(const auto fd, open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  auto written = write_at(fd.get(), std::as_bytes(std::span(text)), 0, path);
  if (written.ok() && ::fsync(fd.get()) != 0) written = errno_error(errno, path);
  const auto parent = std::filesystem::path(path).parent_path().string();
  if (written.ok()) written = sync_directory(parent.empty() ? "." : parent);
  if (!written.ok()) ::unlink(path.c_str());  // It is this call's.
  return written;
}

}  // namespace minidfs::auth
