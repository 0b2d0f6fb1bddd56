#include "history/history_file.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <utility>

namespace minidfs::history {
namespace {

// The fields of a line, and what is wrong with them.
class ClientReader {
 public:
  ClientReader(std::uint32_t client, RecordedRun& run) : client_(client), run_(run) {}

  // Empty when the line was understood.
  std::string take(const std::string& line);
  void end();

 private:
  std::string take_call(const std::string& line);
  std::string take_return(const std::string& line);
  void add(Operation operation);

  const std::uint32_t client_;
  RecordedRun& run_;
  std::optional<Operation> open_;
  std::string call_;
  DirectoryHistory* history_ = nullptr;  // Of the open call.
};

std::string ClientReader::take(const std::string& line) {
  if (line.starts_with("> ")) return take_call(line.substr(2));
  if (line.starts_with("< ")) return take_return(line.substr(2));
  return "is neither a call nor a return";
}

std::string ClientReader::take_call(const std::string& line) {
  if (open_) return "is a call, but the last one has not returned";
  std::istringstream fields(line);
  Operation operation;
  operation.client = client_;
  std::string directory;
  std::string action;
  if (!(fields >> operation.called >> directory >> action)) return "is too short for a call";
  history_ = &run_.directories[directory];
  history_->directory = directory;
  std::string name;
  std::string target;
  if (action == "list") {
    operation.action = Action::kList;
  } else if (!(fields >> name)) {
    return "names no file";
  } else {
    operation.name = history_->name(name);
    if (action == "create" || action == "overwrite") {
      operation.action = action == "create" ? Action::kCreate : Action::kOverwrite;
      if (!(fields >> operation.value) || operation.value <= kNothing) return "has no value";
    } else if (action == "rename") {
      operation.action = Action::kRename;
      if (!(fields >> target)) return "has no target";
      operation.target = history_->name(target);
    } else if (action == "remove" || action == "stat") {
      operation.action = action == "remove" ? Action::kRemove : Action::kStat;
    } else {
      return "calls for what is not known: " + action;
    }
  }
  call_ = line;
  open_ = std::move(operation);
  return {};
}

std::string ClientReader::take_return(const std::string& line) {
  if (!open_) return "is a return, but nothing was called";
  auto operation = *std::exchange(open_, std::nullopt);
  std::istringstream fields(line);
  std::string answer;
  if (!(fields >> operation.returned >> answer)) return "is too short for a return";
  if (operation.returned < operation.called) return "returns before the call";
  operation.answer = Answer::kDone;
  if (answer == "notfound" || answer == "exists") {
    operation.answer = answer == "exists" ? Answer::kExists : Answer::kNotFound;
  } else if (answer == "unknown") {
    std::string why;
    std::getline(fields, why);
    run_.failures.push_back("client " + std::to_string(client_) + ": " + call_ + ":" + why);
    operation.answer = Answer::kUnknown;
    operation.returned = kNever;
  } else if (answer == "found" && operation.action == Action::kStat) {
    if (!(fields >> operation.value)) return "found no value";
  } else if (answer == "listed" && operation.action == Action::kList) {
    for (std::string entry; fields >> entry;) {
      const auto equal = entry.find('=');
      if (equal == std::string::npos) return "lists what has no value: " + entry;
      const auto name = history_->name(entry.substr(0, equal));
      operation.listed.resize(history_->names.size(), kNothing);
      operation.listed[name] = std::strtoll(entry.c_str() + equal + 1, nullptr, 10);
    }
  } else if (answer != "done" || operation.is_read()) {
    return "is no answer to its call: " + answer;
  }
  add(std::move(operation));
  return {};
}

void ClientReader::end() {
  if (!open_) return;
  run_.failures.push_back("client " + std::to_string(client_) + ": " + call_ + ": no return");
  add(*std::exchange(open_, std::nullopt));
}

void ClientReader::add(Operation operation) {
  // What a read would have found is not known, and nothing follows from it.
  if (operation.is_read() && operation.answer == Answer::kUnknown) return;
  history_->operations.push_back(std::move(operation));
}

Result<std::string> text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{Errc::kIoError, path.string() + ": cannot be read"};
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Whether a read and a change of the directory were both under way at one time of the leadership.
bool overlap_within(const DirectoryHistory& history, const Leadership& leadership) {
  std::vector<const Operation*> reads;
  std::vector<const Operation*> changes;
  for (const auto& operation : history.operations) {
    if (operation.answer == Answer::kUnknown) continue;
    if (operation.returned < leadership.begin || operation.called > leadership.end) continue;
    (operation.is_read() ? reads : changes).push_back(&operation);
  }
  return std::any_of(reads.begin(), reads.end(), [&](const Operation* read) {
    return std::any_of(changes.begin(), changes.end(), [&](const Operation* change) {
      const auto begin = std::max({read->called, change->called, leadership.begin});
      return begin <= std::min({read->returned, change->returned, leadership.end});
    });
  });
}

}  // namespace

Status read_client(const std::string& name, const std::string& text, RecordedRun& run) {
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  std::istringstream head(line);
  std::string format;
  int version = 0;
  std::uint32_t client = 0;
  if (!(head >> format >> version >> client) || format != "minidfs-history" || version != 1) {
    return Error{Errc::kCorrupt, name + ": is no history of version 1"};
  }
  ClientReader reader(client, run);
  for (int number = 2; std::getline(lines, line); ++number) {
    // Its writer was killed in the middle of the line.
    if (lines.eof()) break;
    const auto wrong = reader.take(line);
    if (wrong.empty()) continue;
    return Error{Errc::kCorrupt, name + ":" + std::to_string(number) + ": " + wrong};
  }
  reader.end();
  return {};
}

Status read_leaderships(const std::string& name, const std::string& text, RecordedRun& run) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    Leadership leadership;
    if (!(fields >> leadership.begin >> leadership.end >> leadership.term >> leadership.leader)) {
      return Error{Errc::kCorrupt, name + ": is no leadership: " + line};
    }
    run.leaderships.push_back(std::move(leadership));
  }
  return {};
}

Result<RecordedRun> read_run(const std::string& directory) {
  RecordedRun run;
  std::vector<std::filesystem::path> files;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failure)) {
    files.push_back(entry.path());
  }
  if (failure) return Error{Errc::kIoError, directory + ": " + failure.message()};
  std::sort(files.begin(), files.end());
  for (const auto& path : files) {
    const auto name = path.filename().string();
    if (name.starts_with("client-")) {
      MDFS_TRY(const auto text, text_of(path));
      MDFS_CHECK(read_client(path.string(), text, run));
    } else if (name == "leaderships") {
      MDFS_TRY(const auto text, text_of(path));
      MDFS_CHECK(read_leaderships(path.string(), text, run));
    }
  }
  return run;
}

std::uint64_t telling_leaderships(const RecordedRun& run) {
  return static_cast<std::uint64_t>(std::count_if(
      run.leaderships.begin(), run.leaderships.end(), [&](const Leadership& leadership) {
        return std::any_of(run.directories.begin(), run.directories.end(), [&](const auto& entry) {
          return overlap_within(entry.second, leadership);
        });
      }));
}

}  // namespace minidfs::history
