#include "client/namenode_answers.hpp"

#include <utility>

#include "base/codec.hpp"
#include "client/client_context.hpp"

namespace minidfs::client {

Status decode_page(const actors::ListReply& page, std::vector<metadata::FileStatus>& files) {
  Decoder decoder(page.entries);
  for (std::uint32_t i = 0; i < page.count; ++i) {
    if (!decoder.get(files.emplace_back())) {
      return Error{Errc::kProtocol, "entry " + std::to_string(i) + " of a page of " +
                                        std::to_string(page.count) + " does not decode"};
    }
  }
  return {};
}

Result<std::uint64_t> only_outcome(const Result<metadata::ChangeReply>& reply,
                                   const std::string& path) {
  if (!reply.ok()) return with_path(reply.error(), path);
  if (reply->outcomes.size() != 1) {
    return Error{Errc::kProtocol, "the namenode answered one change with " +
                                      std::to_string(reply->outcomes.size()) + " outcomes"};
  }
  auto outcome = metadata::to_result(reply->outcomes.front());
  if (!outcome.ok()) return with_path(std::move(outcome).error(), path);
  return outcome;
}

}  // namespace minidfs::client
