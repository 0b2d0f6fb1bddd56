#include "storage/namespace/page_stream.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/codec.hpp"

namespace minidfs::storage {
namespace {

// Between two looks at what was written.
constexpr int kPagesAtOnce = 64;
// Of the destination. What is beyond is written to its file, which is what brings pages here.
constexpr char kTargetPragmas[] =
    "PRAGMA cache_size=64;PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;"
    "PRAGMA locking_mode=EXCLUSIVE";

// https://www.sqlite.org/fileformat2.html, section 1.3: the versions needed for writing and for
// reading, 2 with a write-ahead log, else 1.
constexpr std::size_t kWriteVersionAt = 18;
constexpr std::size_t kReadVersionAt = 19;

}  // namespace

// A file system with one file, which is this stream. It is known to SQLite only while that file is
// opened.
struct PageStream::Files {
  struct File {
    sqlite3_file base;
    PageStream* stream;
  };
  static PageStream& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file)->stream; }

  explicit Files(PageStream& stream)
      : name("minidfs-pages-" + std::to_string(reinterpret_cast<std::uintptr_t>(this))),
        vfs(*sqlite3_vfs_find(nullptr)) {
    vfs.iVersion = 1;
    vfs.szOsFile = sizeof(File);
    vfs.pNext = nullptr;
    vfs.zName = name.c_str();
    vfs.pAppData = &stream;
    vfs.xOpen = [](sqlite3_vfs* self, const char*, sqlite3_file* file, int flags, int* opened) {
      file->pMethods = nullptr;
      if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return SQLITE_CANTOPEN;
      reinterpret_cast<File*>(file)->stream = static_cast<PageStream*>(self->pAppData);
      file->pMethods = methods();
      if (opened != nullptr) *opened = flags;
      return SQLITE_OK;
    };
    vfs.xDelete = [](sqlite3_vfs*, const char*, int) { return SQLITE_OK; };
    vfs.xAccess = [](sqlite3_vfs*, const char*, int, int* found) {
      *found = 0;
      return SQLITE_OK;
    };
    vfs.xFullPathname = [](sqlite3_vfs*, const char* path, int size, char* out) {
      sqlite3_snprintf(size, out, "%s", path);
      return SQLITE_OK;
    };
  }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods kMethods = [] {
      sqlite3_io_methods m{};
      m.iVersion = 1;
      m.xClose = [](sqlite3_file*) { return SQLITE_OK; };
      m.xRead = [](sqlite3_file* file, void* bytes, int count, sqlite3_int64 offset) {
        return of(file).read(bytes, count, offset);
      };
      m.xWrite = [](sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
        return of(file).write(bytes, count, offset);
      };
      m.xTruncate = [](sqlite3_file* file, sqlite3_int64 size) {
        of(file).target_bytes_ = size;
        return SQLITE_OK;
      };
      m.xSync = [](sqlite3_file*, int) { return SQLITE_OK; };
      m.xFileSize = [](sqlite3_file* file, sqlite3_int64* size) {
        *size = of(file).target_bytes_;
        return SQLITE_OK;
      };
      m.xLock = [](sqlite3_file*, int) { return SQLITE_OK; };
      m.xUnlock = [](sqlite3_file*, int) { return SQLITE_OK; };
      m.xCheckReservedLock = [](sqlite3_file*, int* held) {
        *held = 0;
        return SQLITE_OK;
      };
      m.xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; };
      m.xSectorSize = [](sqlite3_file*) { return 4096; };
      m.xDeviceCharacteristics = [](sqlite3_file*) { return 0; };
      return m;
    }();
    return &kMethods;
  }

  const std::string name;
  sqlite3_vfs vfs;
};

Result<std::unique_ptr<PageStream>> PageStream::open(Database& source) {
  std::unique_ptr<PageStream> stream(new PageStream);
  MDFS_CHECK(stream->begin(source));
  return stream;
}

Status PageStream::begin(Database& source) {
  MDFS_TRY(const std::int64_t pages, source.integer("PRAGMA page_count"));
  MDFS_TRY(const std::int64_t page_bytes, source.integer("PRAGMA page_size"));
  pages_ = static_cast<std::uint64_t>(pages);
  page_bytes_ = static_cast<std::uint32_t>(page_bytes);
  files_ = std::make_unique<Files>(*this);
  MDFS_TRY(target_, Database::open_in(files_->vfs, source.path() + ": copy"));
  MDFS_CHECK(target_.execute(kTargetPragmas));
  copying_ = sqlite3_backup_init(target_.handle(), "main", source.handle(), "main");
  if (copying_ != nullptr) return {};
  return sqlite_error(sqlite3_extended_errcode(target_.handle()), target_.path(),
                      sqlite3_errmsg(target_.handle()));
}

PageStream::~PageStream() {
  if (copying_ != nullptr) sqlite3_backup_finish(copying_);
  target_ = Database();  // Before its file.
}

Result<std::string> PageStream::next(std::size_t bytes_max) {
  const auto wanted = bytes_max / record_bytes() * record_bytes();
  MDFS_ASSERT(wanted > 0);
  while (copying_ != nullptr && written_.size() - taken_ < wanted) MDFS_CHECK(step());
  auto records = written_.substr(taken_, wanted);
  taken_ += records.size();
  // What is left is less than a step has written: it moves only once for many pieces.
  if (taken_ > written_.size() / 2) {
    written_.erase(0, taken_);
    taken_ = 0;
  }
  return records;
}

Status PageStream::step() {
  const int code = sqlite3_backup_step(copying_, kPagesAtOnce);
  if (code == SQLITE_OK) return {};
  if (code == SQLITE_DONE) return finish();
  return sqlite_error(code, target_.path(), sqlite3_errmsg(target_.handle()));
}

Status PageStream::finish() {
  const int code = sqlite3_backup_finish(std::exchange(copying_, nullptr));
  if (code != SQLITE_OK) {
    return sqlite_error(code, target_.path(), sqlite3_errmsg(target_.handle()));
  }
  MDFS_ASSERT(first_page_.size() == page_bytes_);
  first_page_[kWriteVersionAt] = first_page_[kReadVersionAt] = 1;
  Encoder(written_).put(std::uint32_t{1});
  written_ += first_page_;
  return {};
}

// SQLite writes whole pages.
int PageStream::write(const void* bytes, std::int64_t count, std::int64_t offset) {
  if (count != page_bytes_ || offset % page_bytes_ != 0) return SQLITE_IOERR_WRITE;
  const std::string_view page(static_cast<const char*>(bytes), page_bytes_);
  const auto number = static_cast<std::uint32_t>(offset / page_bytes_ + 1);
  if (number == 1) {
    first_page_ = page;
  } else {
    Encoder(written_).put(number);
    written_ += page;
  }
  target_bytes_ = std::max(target_bytes_, offset + count);
  return SQLITE_OK;
}

// It looks at the beginning alone, before and after it has written that.
int PageStream::read(void* bytes, std::int64_t count, std::int64_t offset) const {
  std::memset(bytes, 0, static_cast<std::size_t>(count));
  const auto from = static_cast<std::size_t>(offset);
  const auto size = static_cast<std::size_t>(count);
  if (offset >= target_bytes_) return SQLITE_IOERR_SHORT_READ;
  if (from + size > first_page_.size()) return SQLITE_IOERR_READ;
  std::memcpy(bytes, first_page_.data() + from, size);
  return SQLITE_OK;
}

}  // namespace minidfs::storage
