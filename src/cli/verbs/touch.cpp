// minidfs touch: sets the times of files and directories, and makes files that are missing.

#include <array>
#include <ctime>

#include "base/wall_clock.hpp"
#include "cli/command/command.hpp"

namespace minidfs::cli {
namespace {

using metadata::EntryAttributes;

constexpr std::array kFlags{
    Flag{"access", 'a', "", "Only the time of the last access", ""},
    Flag{"modification", 'm', "", "Only the time of the last modification", ""},
    Flag{"timestamp", 't', "TIMESTAMP", "This time, as yyyyMMdd:HHmmss, instead of the present",
         ""},
    Flag{"no-create", 'c', "", "Make no files", ""},
};

class EmptySource final : public client::Source {
 public:
  Result<std::size_t> read(std::span<std::byte> /*buffer*/) override { return std::size_t{0}; }
};

// Milliseconds since the Unix epoch. In the time zone of the process, as HDFS's shell does.
Result<std::int64_t> parse_timestamp(const std::string& text) {
  std::tm parts{};
  parts.tm_isdst = -1;
  const char* end = ::strptime(text.c_str(), "%Y%m%d:%H%M%S", &parts);
  const bool whole = text.size() == sizeof("yyyyMMdd:HHmmss") - 1 && end != nullptr && *end == 0;
  if (!whole) {
    return Error{Errc::kInvalidArgument, "Unable to parse the specified timestamp " + text +
                                             ". The expected format is yyyyMMdd:HHmmss"};
  }
  return std::int64_t{std::mktime(&parts)} * 1000;
}

struct Touch {
  bool creates = true;
  bool sets_new_ones = false;  // Else these have the present time anyway.
  EntryAttributes times;       // Without a path.

  Status one(client::FileSystem& files, const std::string& path) const {
    const auto status = files.stat(path);
    if (!status.ok()) {
      if (status.error().code != Errc::kNotFound) return status.error();
      if (!creates) return {};
      EmptySource source;
      MDFS_CHECK(files.write_file(path, source, {}));
      if (!sets_new_ones) return {};
    }
    auto entry = times;
    entry.path = path;
    return files.set_attributes({entry}, {});
  }
};

Result<int> run(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  Touch touch;
  touch.creates = !arguments.has("no-create");
  touch.sets_new_ones = arguments.has("timestamp");
  std::int64_t time_ms = wall_clock_ms();
  if (touch.sets_new_ones) {
    MDFS_TRY(time_ms, parse_timestamp(arguments.value("timestamp")));
  }
  const bool access = arguments.has("access");
  const bool modification = arguments.has("modification");
  if (access || !modification) touch.times.accessed_ms = time_ms;
  if (modification || !access) touch.times.modified_ms = time_ms;
  return for_each_path(invocation, [&](client::FileSystem& files, const std::string& path) {
    return touch.one(files, path);
  });
}

}  // namespace

const Command kTouchCommand{.name = "touch",
                            .operands = "PATH...",
                            .summary = "Set the times of files, and make those that are missing",
                            .details = "",
                            .example = "minidfs touch -t 20260501:120000 /photos/done",
                            .flags = kFlags,
                            .operands_min = 1,
                            .operands_max = kManyOperands,
                            .run = run};

}  // namespace minidfs::cli
