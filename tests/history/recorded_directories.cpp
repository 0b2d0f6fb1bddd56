#include "history/recorded_directories.hpp"

#include <utility>

namespace minidfs::history {
namespace {

constexpr std::uint32_t kHot = 4;               // Places that get most of the operations,
constexpr std::uint64_t kHotOperations = 2000;  // for so many of them.
constexpr std::uint32_t kHotPercent = 60;

// The last look is an operation too.
constexpr std::uint32_t kUses = kOperationsOfDirectory - 1;

}  // namespace

RecordedDirectories::RecordedDirectories(std::string root, std::uint32_t places,
                                         std::uint32_t clients)
    : root_(std::move(root)), clients_(clients), places_(places) {}

std::optional<std::string> RecordedDirectories::take(std::uint32_t client, std::mt19937_64& random,
                                                     const Make& make) {
  std::unique_lock lock(mutex_);
  const auto number = draw(client, random);
  auto& place = places_[number];
  if (place.used < kUses) {
    ++place.used;
    ++taken_;
    return path(number, place.generation);
  }
  if (std::exchange(place.making, true)) return {};
  const auto next = path(number, place.generation + 1);
  lock.unlock();
  const bool made = make(next).ok();
  lock.lock();
  place.making = false;
  if (made) {
    ++place.generation;
    place.used = 0;
  }
  return {};
}

void RecordedDirectories::leave(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  for (std::uint32_t i = 0; i < places_.size(); ++i) {
    if (path(i, places_[i].generation) == directory) places_[i].used = kUses;
  }
}

std::vector<std::string> RecordedDirectories::last_look(std::uint32_t client) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> paths;
  for (std::uint32_t place = 0; place < places_.size(); ++place) {
    // The first of its clients.
    if (client != place % clients_) continue;
    for (std::uint32_t i = 1; i <= places_[place].generation; ++i) paths.push_back(path(place, i));
  }
  return paths;
}

bool RecordedDirectories::may_use(std::uint32_t client, std::uint32_t place) const {
  return (client + clients_ - place % clients_) % clients_ < kClientsOfDirectory;
}

std::string RecordedDirectories::path(std::uint32_t place, std::uint32_t generation) const {
  return root_ + "/d" + std::to_string(place) + "-" + std::to_string(generation);
}

std::uint32_t RecordedDirectories::draw(std::uint32_t client, std::mt19937_64& random) const {
  const auto count = static_cast<std::uint32_t>(places_.size());
  const bool hot = random() % 100 < kHotPercent;
  const auto first = static_cast<std::uint32_t>(taken_ / kHotOperations * kHot % count);
  for (std::uint32_t tries = 0;; ++tries) {
    const auto drawn = hot && tries < 3 * kHot ? first + static_cast<std::uint32_t>(random() % kHot)
                                               : static_cast<std::uint32_t>(random() % count);
    if (may_use(client, drawn % count)) return drawn % count;
  }
}

}  // namespace minidfs::history
