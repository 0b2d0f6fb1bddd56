#include "metadata/owner_questions.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace minidfs::metadata {

std::uint64_t OwnerQuestions::begin(std::vector<BlockId> blocks) {
  open_.emplace(++last_, Question{std::move(blocks), false});
  return last_;
}

void OwnerQuestions::touched(BlockId block) {
  for (auto& [number, question] : open_) {
    if (question.touched) continue;
    question.touched = std::binary_search(question.blocks.begin(), question.blocks.end(), block);
  }
}

bool OwnerQuestions::end(std::uint64_t number) {
  const auto at = open_.find(number);
  MDFS_ASSERT(at != open_.end());
  const bool untouched = !at->second.touched;
  open_.erase(at);
  return untouched;
}

}  // namespace minidfs::metadata
