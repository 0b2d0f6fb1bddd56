#include "storage/namespace/namespace_copy.hpp"

#include <string_view>
#include <utility>

#include "storage/namespace/namespace_schema.hpp"

namespace minidfs::storage {
namespace {

// Each page is read once.
constexpr std::uint32_t kCacheKib = 64;

}  // namespace

Result<std::unique_ptr<NamespaceCopy>> NamespaceCopy::begin(const std::string& path,
                                                            ClusterId cluster) {
  std::unique_ptr<NamespaceCopy> copy(new NamespaceCopy);
  MDFS_CHECK(copy->open(path, cluster));
  return copy;
}

// What the transaction has read once it goes on seeing, however long the copy takes.
Status NamespaceCopy::open(const std::string& path, ClusterId cluster) {
  MDFS_TRY(source_, open_namespace_reader(path, kCacheKib));
  MDFS_CHECK(source_.execute("BEGIN"));
  {
    MDFS_TRY(Statement state,
             source_.prepare("SELECT applied, life_high, life_low FROM state WHERE id = 1"));
    MDFS_TRY(const bool row, state.step());
    if (!row) return damaged_namespace(path, "it has no state");
    header_.applied = state.unsigned_integer(0);
    header_.life = {state.unsigned_integer(1), state.unsigned_integer(2)};
  }
  MDFS_TRY(pages_, PageStream::open(source_));
  header_.cluster = cluster;
  header_.schema = static_cast<std::uint32_t>(kNamespaceVersion);
  header_.page_bytes = pages_->page_bytes();
  header_.pages = pages_->pages();
  return {};
}

Result<std::string> NamespaceCopy::next(std::size_t bytes_max) {
  MDFS_ASSERT(bytes_max >= kCopyPieceMaxBytes);
  switch (step_) {
    case Step::kHeader:
      step_ = Step::kPages;
      return encoder_.encode(header_);
    case Step::kPages:
      return next_pages();
    case Step::kEnded:
      break;
  }
  return std::string();
}

Result<std::string> NamespaceCopy::next_pages() {
  MDFS_TRY(auto records, pages_->next(kCopyRecordsMaxBytes));
  if (records.empty()) {
    step_ = Step::kEnded;
    return encoder_.encode(CopyEnd{sum_});
  }
  const std::size_t record_bytes = sizeof(std::uint32_t) + header_.page_bytes;
  for (std::string_view rest = records; !rest.empty(); rest.remove_prefix(record_bytes)) {
    sum_ += page_sum(rest.substr(0, record_bytes));
  }
  return encoder_.encode(CopyPages{std::move(records)});
}

}  // namespace minidfs::storage
