#include "consensus/segments/log_state.hpp"

#include <fcntl.h>

#include <utility>

#include "base/codec.hpp"
#include "consensus/segments/segment_names.hpp"

namespace minidfs::consensus {
namespace {

constexpr MirroredBlock::Places kPlaces{0, kBlockBytes};

}  // namespace

LogState::LogState(const std::string& path, UniqueFd fd)
    : fd_(std::move(fd)), block_(BlockMagic::kState, kPlaces, path) {}

Status LogState::create(const std::string& directory, const StateContent& content) {
  MDFS_ASSERT(content.member != 0 && content.members.payload.size() <= kStoredMembersMaxBytes);
  const auto block = encode_block(BlockMagic::kState, 1, encode(content));
  return replace_file(path_in(directory), block + block);
}

Result<LogState> LogState::open(const std::string& directory) {
  const auto path = path_in(directory);
  MDFS_TRY(auto fd, open_file(path, O_RDWR));
  LogState state(path, std::move(fd));
  auto bytes = state.block_.load(state.fd_.get());
  if (!bytes.ok() && bytes.error().code == Errc::kCorrupt) return damaged_log(bytes.error());
  if (!bytes.ok()) return std::move(bytes).error();
  auto content = decode<StateContent>(*bytes, path);
  if (!content.ok()) return damaged_log(content.error());
  if (content->member == 0 || content->newest == 0 ||
      content->members.payload.size() > kStoredMembersMaxBytes) {
    return damaged_log(path, "values that are not those of a log");
  }
  state.content_ = std::move(content).value();
  return state;
}

Status LogState::store(StateContent content) {
  MDFS_ASSERT(content.member != 0 && content.members.payload.size() <= kStoredMembersMaxBytes);
  MDFS_CHECK(block_.store(fd_.get(), encode(content)));
  content_ = std::move(content);
  return {};
}

}  // namespace minidfs::consensus
