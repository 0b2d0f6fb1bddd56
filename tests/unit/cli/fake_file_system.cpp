#include "fake_file_system.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/command/paths.hpp"

namespace minidfs::cli::test {
namespace {

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

Error not_found(const std::string& path) { return {Errc::kNotFound, path + ": not found"}; }

class FakeFileSystem : public client::FileSystem {
 public:
  explicit FakeFileSystem(FakeState& state) : state_(state) {}

  Result<metadata::FileStatus> stat(const std::string& path) override {
    metadata::FileStatus status;
    status.name = base_name(path);
    status.owner = status.group = state_.owner;
    const auto permission = state_.permissions.find(path);
    if (permission != state_.permissions.end()) status.permission = permission->second;
    if (state_.directories.count(path) != 0) {
      status.kind = metadata::FileKind::kDirectory;
      return status;
    }
    const auto file = state_.files.find(path);
    if (file == state_.files.end()) return not_found(path);
    status.length = file->second.size();
    return status;
  }

  Result<std::vector<metadata::FileStatus>> list(const std::string& path) override {
    if (state_.directories.count(path) == 0 || state_.removed.count(path) != 0) {
      return not_found(path);
    }
    std::set<std::string> children;
    for (const auto& [file, content] : state_.files) {
      if (parent_of(file) == path) children.insert(file);
    }
    for (const auto& directory : state_.directories) {
      if (directory != "/" && parent_of(directory) == path) children.insert(directory);
    }
    std::vector<metadata::FileStatus> entries;
    for (const auto& child : children) entries.push_back(*stat(child));
    return entries;
  }

  Status make_directory(const std::string& path, bool parents) override {
    state_.calls.push_back("mkdir " + path);
    MDFS_CHECK(refusal(path));
    if (!parents && state_.directories.count(path) != 0) {
      return Error{Errc::kAlreadyExists, path + ": already exists"};
    }
    add_directories(path);
    return {};
  }

  Status remove(const std::string& path, bool recursive) override {
    state_.calls.push_back((recursive ? "remove -r " : "remove ") + path);
    MDFS_CHECK(refusal(path));
    if (state_.files.erase(path) + state_.directories.erase(path) == 0) return not_found(path);
    return {};
  }

  Status rename(const std::string& source, const std::string& target) override {
    state_.calls.push_back("rename " + source + " " + target);
    auto node = state_.files.extract(source);
    if (node.empty()) return not_found(source);
    node.key() = target;
    state_.files.insert(std::move(node));
    return {};
  }

  Status set_replication(const std::string& path, std::uint8_t copies) override {
    state_.calls.push_back("setrep " + std::to_string(copies) + " " + path);
    return refusal(path);
  }

  Status set_attributes(const std::vector<metadata::EntryAttributes>& entries,
                        const client::FailureCallback& failed) override {
    const auto part = [](std::int64_t value, bool keeps) {
      return keeps ? std::string("-") : std::to_string(value);
    };
    return change_each(entries, failed, [&](const metadata::EntryAttributes& entry) {
      using metadata::EntryAttributes;
      if (entry.permission != EntryAttributes::kKeepPermission) {
        state_.permissions[entry.path] = static_cast<std::uint16_t>(entry.permission);
      }
      return "attributes " + entry.path + " " +
             part(entry.permission, entry.permission == EntryAttributes::kKeepPermission) + " " +
             part(entry.modified_ms, entry.modified_ms == EntryAttributes::kKeepTime) + " " +
             part(entry.accessed_ms, entry.accessed_ms == EntryAttributes::kKeepTime);
    });
  }

  Status set_owner(const std::vector<metadata::EntryOwner>& entries,
                   const client::FailureCallback& failed) override {
    return change_each(entries, failed, [](const metadata::EntryOwner& entry) {
      return "owner " + entry.path + " " + entry.owner + ":" + entry.group;
    });
  }

  Status concat(const std::string& target, const std::vector<std::string>& sources) override {
    std::string call = "concat " + target;
    for (const auto& source : sources) call += " " + source;
    state_.calls.push_back(call);
    return refusal(target);
  }

  Result<std::vector<metadata::LocatedBlock>> locate(const std::string& path) override {
    if (state_.removed.count(path) != 0) return not_found(path);
    metadata::LocatedBlock block;
    block.block.id.value = 7;
    block.block.length = state_.files[path].size();
    block.locations.push_back({{}, {"127.0.0.1", 9866}, "/r1"});
    return std::vector{block};
  }

  Result<client::ClusterStatus> status() override { return state_.status; }
  void probe_nodes(client::ClusterStatus& status, std::chrono::milliseconds) override {
    for (auto& node : status.nodes) {
      if (!state_.untried.contains(node.id)) node.reached = !state_.unreachable.contains(node.id);
    }
  }

  Result<std::vector<client::NodeScrub>> scrub(bool wait, const ScrubProgress&) override {
    state_.calls.push_back(wait ? "scrub and wait" : "scrub");
    return state_.scrubbed;
  }

  Result<std::vector<client::NodeScrub>> scrub_state() override {
    state_.calls.push_back("scrub state");
    return state_.scrubbed;
  }

  Result<client::WriteReport> write_file(const std::string& path, client::Source& source,
                                         const client::WriteOptions& options) override {
    state_.calls.push_back("write " + path);
    state_.write_options = options;
    if (state_.files.count(path) != 0 && !options.overwrite) {
      return Error{Errc::kAlreadyExists, path + ": already exists"};
    }
    std::string content;
    std::vector<std::byte> buffer(3);
    for (;;) {
      MDFS_TRY(const auto count, source.read(buffer));
      if (count == 0) break;
      content.append(reinterpret_cast<const char*>(buffer.data()), count);
    }
    state_.files[path] = content;
    return report(1, content.size());
  }

  Result<client::WriteReport> append_file(const std::string& path, client::Source& source,
                                          const client::ProgressCallback& progress) override {
    state_.calls.push_back("append " + path);
    const auto before = state_.files.at(path);
    client::WriteOptions options;
    options.overwrite = true;
    options.progress = progress;
    const auto written = write_file(path, source, options);
    state_.files[path] = before + state_.files[path];
    return written;
  }

  Result<client::SafeMode> safe_mode(SafeModeAction action) override {
    if (action == SafeModeAction::kAccept) state_.behind = false;
    if (state_.behind) {
      if (action == SafeModeAction::kLeave) return Error{Errc::kBehind, "a later state"};
      return client::SafeMode{true, "a later state", true};
    }
    if (action != SafeModeAction::kStatus) state_.safe_mode = action == SafeModeAction::kEnter;
    return client::SafeMode{state_.safe_mode, state_.safe_mode ? "by hand" : ""};
  }
  Result<client::BackupReport> back_up_namespace(const std::string& directory) override {
    state_.calls.push_back("backup " + directory);
    return client::BackupReport{2048, 7};
  }
  Status decide_node(NodeId node, metadata::NodeAction action,
                     std::chrono::milliseconds maintenance) override {
    state_.decisions.push_back({node, action, maintenance});
    return {};
  }
  // One answer of `balances` after another, and the last one for ever.
  Result<client::Quorum> quorum() override { return state_.quorum; }
  Status transfer_leadership(std::uint64_t member) override {
    state_.calls.push_back("transfer " + std::to_string(member));
    return {};
  }
  Status remove_namenode(std::uint64_t member) override {
    state_.calls.push_back("remove namenode " + std::to_string(member));
    return {};
  }
  Result<std::vector<client::NamenodeDigest>> digest_namenodes() override { return state_.digests; }
  Result<client::Balance> balance(BalanceAction action, double threshold) override {
    if (action == BalanceAction::kBegin) {
      state_.calls.push_back("balance " + std::to_string(threshold));
    } else if (action == BalanceAction::kStop) {
      state_.calls.push_back("balance stop");
    }
    return next_of(state_.balances);
  }
  Result<client::FileCopies> file_copies(const std::string& path) override {
    if (state_.files.count(path) == 0) return not_found(path);
    return next_of(state_.copies);
  }
  Result<std::string> check_blocks(
      const std::function<void(const client::BlockProblem&)>& take) override {
    for (const auto& problem : state_.problems) take(problem);
    return state_.outstanding;
  }

  Result<client::WriteReport> write_files(const std::vector<client::LocalFile>& files,
                                          const client::WriteOptions& options) override {
    state_.calls.push_back("batch " + std::to_string(files.size()));
    state_.write_options = options;
    std::uint64_t bytes = 0;
    for (const auto& file : files) {
      std::ifstream in(file.local_path, std::ios::binary);
      auto& content = state_.files[file.path];
      content.assign(std::istreambuf_iterator<char>(in), {});
      bytes += content.size();
      add_directories(parent_of(file.path));
    }
    return report(files.size(), bytes);
  }

  Status preserve_attributes(const std::vector<client::LocalFile>& files,
                             const client::FailureCallback&) override {
    for (const auto& file : files) state_.calls.push_back("preserve " + file.path);
    return {};
  }

  Status read_file(const std::string& path, std::uint64_t, std::uint64_t, const client::Sink& sink,
                   const client::ProgressCallback&) override {
    const auto file = state_.files.find(path);
    if (file == state_.files.end()) return not_found(path);
    return sink(std::as_bytes(std::span(file->second)));
  }

  Status salvage_file(const std::string& path, const client::Sink& sink,
                      const client::ProgressCallback& progress) override {
    state_.calls.push_back("salvage " + path);
    return read_file(path, 0, 0, sink, progress);
  }

  Status read_file_in_parallel(const std::string& path, const client::PlacedSink& sink,
                               const client::ProgressCallback&) override {
    const auto file = state_.files.find(path);
    if (file == state_.files.end()) return not_found(path);
    return sink(0, std::as_bytes(std::span(file->second)));
  }

  Result<client::HdfsChecksum> hdfs_checksum(const std::string& path,
                                             client::CombineMode mode) override {
    state_.calls.push_back("hdfs_checksum " + path + " " + std::string(to_string(mode)));
    if (state_.files.count(path) == 0) return not_found(path);
    return client::HdfsChecksum{"COMPOSITE-CRC32C", "c076ab75"};
  }

  Status read_tree(const std::string& path, const std::string& local_path,
                   const client::ReadOptions& options) override {
    state_.calls.push_back("read " + path);
    state_.read_options = options;
    if (std::filesystem::exists(local_path) && !options.overwrite && !options.keep_existing) {
      return Error{Errc::kAlreadyExists, local_path + ": already exists"};
    }
    if (state_.directories.count(path) != 0) {
      std::filesystem::create_directories(local_path);
    } else {
      std::ofstream(local_path, std::ios::binary) << state_.files[path];
    }
    return {};
  }

  void abandon(std::chrono::milliseconds) override { state_.calls.push_back("abandon"); }

 private:
  template <class T>
  static T next_of(std::vector<T>& answers) {
    const T answer = answers.front();
    if (answers.size() > 1) answers.erase(answers.begin());
    return answer;
  }

  template <class Entry, class Change>
  Status change_each(const std::vector<Entry>& entries, const client::FailureCallback& failed,
                     Change change) {
    Status first;
    for (const auto& entry : entries) {
      state_.calls.push_back(change(entry));
      const auto refused = refusal(entry.path);
      if (refused.ok()) continue;
      if (failed) {
        failed(refused.error());
      } else if (first.ok()) {
        first = refused;
      }
    }
    return first;
  }

  Status refusal(const std::string& path) const {
    if (state_.failing.count(path) == 0) return {};
    return Error{Errc::kPermissionDenied, path + ": refused"};
  }

  void add_directories(std::string path) {
    while (path != "/") {
      state_.directories.insert(path);
      path = parent_of(path);
    }
  }

  client::WriteReport report(std::uint64_t files, std::uint64_t bytes) const {
    return {files, bytes, 0, 3, state_.copies_min};
  }

  FakeState& state_;
};

}  // namespace

Outcome run(FakeState& state, const std::vector<std::string>& words,
            const std::vector<std::string>& environment) {
  Outcome outcome;
  Wiring wiring;
  wiring.io.out = [&](std::span<const std::byte> bytes) -> Status {
    outcome.out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  };
  wiring.io.out_is_terminal = state.out_is_terminal;
  wiring.io.err = [&](std::string_view text) { outcome.err += text; };
  wiring.connect = [&](client::Options options) -> Result<std::unique_ptr<client::FileSystem>> {
    state.options = std::move(options);
    ++state.connections;
    MDFS_CHECK(state.connect_status);
    return std::unique_ptr<client::FileSystem>(new FakeFileSystem(state));
  };
  wiring.run_role = [](Role, const Config&) { return 77; };
  outcome.exit_code = run_application(words, environment, wiring);
  return outcome;
}

}  // namespace minidfs::cli::test
