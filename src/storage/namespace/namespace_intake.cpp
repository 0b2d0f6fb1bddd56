#include "storage/namespace/namespace_intake.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <utility>
#include <variant>

#include "storage/namespace/namespace_schema.hpp"

namespace minidfs::storage {
namespace {

constexpr std::uint32_t kCacheKib = 64;  // Each page is read once.

std::string intake_path(const std::string& path) { return path + ".seed"; }

}  // namespace

Result<std::unique_ptr<NamespaceIntake>> NamespaceIntake::begin(const std::string& path,
                                                                ClusterId cluster) {
  MDFS_CHECK(clean_up(path));
  std::unique_ptr<NamespaceIntake> intake(new NamespaceIntake(cluster));
  intake->path_ = intake_path(path);
  MDFS_TRY(intake->file_, open_file(intake->path_, O_RDWR | O_CREAT | O_EXCL));
  return intake;
}

NamespaceIntake::~NamespaceIntake() {
  database_ = Database();
  ::unlink(path_.c_str());
}

Status NamespaceIntake::clean_up(const std::string& path) { return remove_file(intake_path(path)); }

Error NamespaceIntake::corrupt(const std::string& why) const {
  return {Errc::kCorrupt, path_ + ": the copy of the namespace is not whole: " + why};
}

Status NamespaceIntake::take(std::string_view piece) {
  MDFS_TRY(const auto decoded, decoder_.decode(piece));
  return std::visit([this](const auto& each) { return take(each); }, decoded);
}

Status NamespaceIntake::take(const CopyHeader& header) {
  if (step_ != Step::kHeader) return corrupt("another one begins in it");
  if (header.cluster != cluster_) {
    return Error{Errc::kWrongCluster, path_ + ": the copy is of the namespace of cluster " +
                                          to_string(header.cluster) + ", not of " +
                                          to_string(cluster_)};
  }
  if (header.schema != kNamespaceVersion || header.page_bytes != kNamespacePageBytes) {
    return Error{Errc::kUnsupported,
                 path_ + ": the copy is of version " + std::to_string(header.schema) +
                     " of the namespace, in pages of " + std::to_string(header.page_bytes) +
                     " bytes, and this minidfs has version " + std::to_string(kNamespaceVersion)};
  }
  if (header.pages == 0 || header.pages > UINT32_MAX) {
    return corrupt("it would have " + std::to_string(header.pages) + " pages");
  }
  header_ = header;
  step_ = Step::kPages;
  return check_room();
}

// For the rest of the file, and for what the database's write-ahead log takes to install it.
Status NamespaceIntake::check_room() const {
  struct statvfs disk {};
  if (::fstatvfs(file_.get(), &disk) != 0) return errno_error(errno, path_);
  const auto whole = header_.pages * header_.page_bytes;
  const auto wanted = step_ == Step::kPages ? 2 * whole : whole;
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (free >= wanted) return {};
  return Error{Errc::kNoSpace, path_ + ": a copy of the namespace of " + std::to_string(whole) +
                                   " bytes needs " + std::to_string(wanted) + " bytes more, and " +
                                   std::to_string(free) + " are free"};
}

Status NamespaceIntake::take(const CopyPages& pages) {
  if (step_ != Step::kPages) return corrupt("pages before its beginning or behind its end");
  const std::size_t record_bytes = sizeof(std::uint32_t) + header_.page_bytes;
  if (pages.records.size() % record_bytes != 0) return corrupt("a part of a page");
  for (std::string_view rest = pages.records; !rest.empty(); rest.remove_prefix(record_bytes)) {
    std::uint32_t number = 0;
    std::memcpy(&number, rest.data(), sizeof number);
    if (number == 0 || number > header_.pages || number == lock_page(header_.page_bytes)) {
      return corrupt("page " + std::to_string(number) + " of " + std::to_string(header_.pages));
    }
    const auto page = rest.substr(sizeof number, header_.page_bytes);
    MDFS_CHECK(write_at(file_.get(), std::as_bytes(std::span(page)),
                        std::uint64_t{number - 1} * header_.page_bytes, path_));
  }
  return {};
}

Status NamespaceIntake::take(const CopyEnd& end) {
  if (step_ != Step::kPages) return corrupt("an end before its beginning");
  sum_ = end.sum;
  step_ = Step::kEnded;
  return {};
}

Status NamespaceIntake::finish() {
  if (step_ != Step::kEnded) return corrupt("its end is missing");
  // Only this tells of a write that failed.
  MDFS_CHECK(sync_data(file_.get(), path_));
  MDFS_CHECK(check_pages());
  MDFS_CHECK(check_room());
  // SQLite's locks on a file end when any descriptor of it is closed: this one goes first.
  file_.reset();
  MDFS_CHECK(check_database());
  step_ = Step::kWhole;
  return {};
}

// What stands in the file is what the sender has read, page by page.
Status NamespaceIntake::check_pages() const {
  const std::size_t record_bytes = sizeof(std::uint32_t) + header_.page_bytes;
  std::string record(record_bytes, '\0');
  Checksum sum = 0;
  for (std::uint64_t number = 1; number <= header_.pages; ++number) {
    if (number == lock_page(header_.page_bytes)) continue;
    const auto stored = static_cast<std::uint32_t>(number);
    std::memcpy(record.data(), &stored, sizeof stored);
    const auto page = std::span(record).subspan(sizeof stored);
    MDFS_CHECK(read_at(file_.get(), std::as_writable_bytes(page), (number - 1) * header_.page_bytes,
                       path_));
    sum += page_sum(record);
  }
  return sum == sum_ ? Status() : Status(corrupt("its pages are not those that were read"));
}

Status NamespaceIntake::check_database() {
  MDFS_TRY(database_, open_namespace_copy(path_, kCacheKib));
  MDFS_TRY(Statement state,
           database_.prepare("SELECT applied, life_high, life_low FROM state WHERE id = 1"));
  MDFS_TRY(const bool row, state.step());
  const bool same = row && state.unsigned_integer(0) == header_.applied &&
                    state.unsigned_integer(1) == header_.life.high &&
                    state.unsigned_integer(2) == header_.life.low;
  return same ? Status() : Status(corrupt("it is not the state that was announced"));
}

}  // namespace minidfs::storage
