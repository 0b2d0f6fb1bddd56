// Many clients that work in the same directories of a cluster and record what they see. Each is a
// client of its own, with its own connection. An operation is repeated by the client library, under
// one request id, until its outcome is known, for as long as the patience of this program.
//
// Files are empty: which write one comes from is said by its modification time, which the write
// sets. So a write is one entry of the log and needs no datanode.
#include <atomic>
#include <filesystem>
#include <thread>

#include "client/file_system.hpp"
#include "history/cluster_flags.hpp"
#include "history/flags.hpp"
#include "history/history_writer.hpp"
#include "history/recorded_directories.hpp"
#include "history/stop_signal.hpp"

namespace minidfs::history {
namespace {

constexpr char kUsage[] =
    "usage: minidfs_record_histories --namenodes=HOST:PORT[,...] --histories=DIR --seconds=N\n"
    "  [--seed=N] [--clients=16] [--directories=48] [--pause-us=5000] [--patience-seconds=300]\n"
    "  [--root=/histories] [--secret-file=FILE]\n"
    "Ends after N seconds, or earlier with SIGTERM; then every directory is listed once more.\n";
constexpr std::uint32_t kNames = 8;  // Of files, in a directory.
constexpr Value kValuesOfClient = 1'000'000'000;

// A file without bytes whose modification time is the value.
class MarkedSource final : public client::Source {
 public:
  explicit MarkedSource(Value value) : value_(value) {}
  Result<std::size_t> read(std::span<std::byte>) override { return std::size_t{0}; }
  std::optional<client::Attributes> attributes() const override {
    return client::Attributes{0644, value_, value_};
  }

 private:
  Value value_;
};

struct Settings {
  client::Options options;
  std::string histories;
  std::string root;
  std::chrono::seconds length{};
  std::uint64_t seed = 0;
  std::uint64_t pause_us = 0;
  std::uint32_t clients = 0;
  std::uint32_t directories = 0;
};

class RecordingClient {
 public:
  RecordingClient(const Settings& settings, std::uint32_t number, RecordedDirectories& directories)
      : settings_(settings),
        number_(number),
        directories_(directories),
        random_(settings.seed * 1000 + number),
        writer_(settings.histories + "/client-" + std::to_string(number), number) {}

  Status run(Nanoseconds end) {
    MDFS_TRY(files_, client::FileSystem::connect(settings_.options));
    const auto make = [this](const std::string& path) {
      return files_->make_directory(path, true);
    };
    while (!stop && now() < end) {
      if (const auto directory = directories_.take(number_, random_, make)) operate(*directory);
      std::this_thread::sleep_for(std::chrono::microseconds(
          static_cast<std::int64_t>(pause_of_(random_) * static_cast<double>(settings_.pause_us))));
    }
    return {};
  }

  void look_once_more() {
    for (const auto& directory : directories_.last_look(number_)) list(directory);
  }

 private:
  void operate(const std::string& directory);
  void write(const std::string& directory, const std::string& name, bool overwrite);
  void rename(const std::string& directory, const std::string& name);
  void list(const std::string& directory);
  // `found` says what a call answered that succeeded.
  template <class Outcome, class Found>
  void answer(const std::string& directory, const Outcome& outcome, Found found);
  std::string draw_name() { return "f" + std::to_string(random_() % kNames); }

  const Settings& settings_;
  const std::uint32_t number_;
  RecordedDirectories& directories_;
  std::mt19937_64 random_;
  std::exponential_distribution<> pause_of_{1.0};
  HistoryWriter writer_;
  std::unique_ptr<client::FileSystem> files_;
  Value written_ = 0;
};

void RecordingClient::operate(const std::string& directory) {
  const auto name = draw_name();
  const auto path = directory + "/" + name;
  const auto drawn = random_() % 100;
  if (drawn < 35) return write(directory, name, drawn < 15);
  if (drawn < 50) return rename(directory, name);
  if (drawn >= 85) return list(directory);
  if (drawn < 65) {
    writer_.call(directory, "remove " + name);
    return answer(directory, files_->remove(path, false), [] { return std::string("done"); });
  }
  writer_.call(directory, "stat " + name);
  const auto status = files_->stat(path);
  answer(directory, status, [&] { return "found " + std::to_string(status->modified_ms); });
}

void RecordingClient::write(const std::string& directory, const std::string& name, bool overwrite) {
  const Value value = (number_ + 1) * kValuesOfClient + ++written_;
  MarkedSource source(value);
  client::WriteOptions options;
  options.overwrite = overwrite;
  options.preserve = true;
  writer_.call(directory,
               (overwrite ? "overwrite " : "create ") + name + " " + std::to_string(value));
  answer(directory, files_->write_file(directory + "/" + name, source, options),
         [] { return std::string("done"); });
}

void RecordingClient::rename(const std::string& directory, const std::string& name) {
  auto target = draw_name();
  while (target == name) target = draw_name();
  writer_.call(directory, "rename " + name + " " + target);
  answer(directory, files_->rename(directory + "/" + name, directory + "/" + target),
         [] { return std::string("done"); });
}

void RecordingClient::list(const std::string& directory) {
  writer_.call(directory, "list");
  const auto entries = files_->list(directory);
  answer(directory, entries, [&] {
    std::string text = "listed";
    for (const auto& entry : *entries) {
      text += " " + entry.name + "=" + std::to_string(entry.modified_ms);
    }
    return text;
  });
}

template <class Outcome, class Found>
void RecordingClient::answer(const std::string& directory, const Outcome& outcome, Found found) {
  if (outcome.ok()) return writer_.returned(found());
  switch (outcome.error().code) {
    case Errc::kNotFound:
      return writer_.returned("notfound");
    case Errc::kAlreadyExists:
      return writer_.returned("exists");
    default:
      directories_.leave(directory);
      return writer_.returned("unknown " + outcome.error().message);
  }
}

Settings settings_of(const Flags& flags) {
  Settings settings;
  settings.options = cluster_options<client::Options>(flags, 300);
  settings.options.user = "history";
  settings.histories = flags.text("histories");
  settings.root = flags.text("root", "/histories");
  settings.length = std::chrono::seconds(flags.number("seconds", 30));
  settings.seed = flags.number("seed", 1);
  settings.pause_us = flags.number("pause-us", 5000);
  settings.clients = static_cast<std::uint32_t>(flags.number("clients", 16));
  settings.directories = static_cast<std::uint32_t>(flags.number("directories", 48));
  return settings;
}

int record(const Settings& settings) {
  std::filesystem::create_directories(settings.histories);
  RecordedDirectories directories(settings.root, settings.directories, settings.clients);
  const auto end = now() + std::chrono::nanoseconds(settings.length).count();
  std::atomic<int> failures{0};
  const auto each = [&](auto work) {
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < settings.clients; ++i) threads.emplace_back(work, i);
  };
  std::vector<std::unique_ptr<RecordingClient>> clients;
  for (std::uint32_t i = 0; i < settings.clients; ++i) {
    clients.push_back(std::make_unique<RecordingClient>(settings, i, directories));
  }
  each([&](std::uint32_t i) {
    const auto ended = clients[i]->run(end);
    if (ended.ok()) return;
    ++failures;
    std::fprintf(stderr, "client %u: %s\n", i, ended.error().message.c_str());
  });
  if (failures != 0) return 1;
  each([&](std::uint32_t i) { clients[i]->look_once_more(); });
  return 0;
}

}  // namespace
}  // namespace minidfs::history

int main(int count, char** words) {
  using namespace minidfs::history;
  const Flags flags(count, words, kUsage);
  stop_at_sigterm();
  return record(settings_of(flags));
}
