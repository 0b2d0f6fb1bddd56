#include "consensus/directory_notes.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/checksum.hpp"
#include "base/codec.hpp"
#include "base/file.hpp"

namespace minidfs::consensus {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SeedNote& x) {
  return f(x.position.term, x.position.index, x.members);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RemovalNote& x) {
  return f(x.index);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, KnownNote& x) {
  return f(x.self, x.members);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LossNote& x) {
  return f(x.acknowledged);
}

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kNoteMaxBytes = 4096;

std::string seed_path(const std::string& directory) { return directory + "/seed"; }
std::string removal_path(const std::string& directory) { return directory + "/removed"; }
std::string known_path(const std::string& directory) { return directory + "/known"; }
std::string loss_path(const std::string& directory) { return directory + "/lost"; }

template <class Note>
Status write_note(const std::string& path, const Note& note) {
  auto bytes = encode(kVersion) + encode(note);
  bytes += encode(checksum(std::string_view(bytes)));
  return replace_file(path, bytes);
}

template <class Note>
Result<std::optional<Note>> find_note(const std::string& path) {
  const auto bytes = read_file(path, kNoteMaxBytes);
  if (!bytes.ok() && bytes.error().code == Errc::kNotFound) return std::optional<Note>();
  if (!bytes.ok()) return bytes.error();
  const auto damaged = Error{Errc::kCorrupt, path + ": damaged"};
  if (bytes->size() < 1 + sizeof(Checksum)) return damaged;
  const auto content = std::string_view(*bytes).substr(0, bytes->size() - sizeof(Checksum));
  if (encode(checksum(content)) != std::string_view(*bytes).substr(content.size())) return damaged;
  if (static_cast<std::uint8_t>(content.front()) != kVersion) {
    return Error{Errc::kUnsupported, path + ": of a newer version; use a newer minidfs"};
  }
  MDFS_TRY(auto note, decode<Note>(content.substr(1), path));
  return std::optional<Note>(std::move(note));
}

}  // namespace

Result<std::optional<SeedNote>> find_seed_note(const std::string& directory) {
  return find_note<SeedNote>(seed_path(directory));
}

Status write_seed_note(const std::string& directory, const SeedNote& note) {
  return write_note(seed_path(directory), note);
}

Status remove_seed_note(const std::string& directory) {
  MDFS_CHECK(remove_file(seed_path(directory)));
  return sync_directory(directory);
}

Result<std::optional<RemovalNote>> find_removal_note(const std::string& directory) {
  return find_note<RemovalNote>(removal_path(directory));
}

Status write_removal_note(const std::string& directory, const RemovalNote& note) {
  return write_note(removal_path(directory), note);
}

Result<std::optional<KnownNote>> find_known_note(const std::string& directory) {
  return find_note<KnownNote>(known_path(directory));
}

Status write_known_note(const std::string& directory, const KnownNote& note) {
  return write_note(known_path(directory), note);
}

Result<std::optional<LossNote>> find_loss_note(const std::string& directory) {
  return find_note<LossNote>(loss_path(directory));
}

Status write_loss_note(const std::string& directory, const LossNote& note) {
  return write_note(loss_path(directory), note);
}

}  // namespace minidfs::consensus
