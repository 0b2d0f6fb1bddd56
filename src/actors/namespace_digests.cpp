#include "actors/namespace_digests.hpp"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace minidfs::actors {

NamespaceDigests::NamespaceDigests(std::string database_path)
    : database_path_(std::move(database_path)) {}

NamespaceDigests::~NamespaceDigests() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void NamespaceDigests::begin(std::uint64_t mark) {
  auto digest = storage::NamespaceDigest::begin(database_path_);
  const std::lock_guard lock(mutex_);
  if (!digest.ok()) return note({mark, State::kFailed, 0, 0, digest.error().message});
  const auto change = (*digest)->number();
  if (waiting_.size() >= kWaitingMax) {
    return note({mark, State::kFailed, change, 0, "other digests are being computed"});
  }
  note({mark, State::kPending, change, 0, {}});
  waiting_.push_back({mark, std::move(digest).value()});
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_all();
}

NamespaceDigests::Digest NamespaceDigests::find(std::uint64_t mark) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(digests_.begin(), digests_.end(),
                                  [&](const Digest& each) { return each.mark == mark; });
  return found == digests_.end() ? Digest{mark, State::kUnknown, 0, 0, {}} : *found;
}

void NamespaceDigests::run() {
  pthread_setname_np(pthread_self(), "digest");
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    auto work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const auto change = work.digest->number();
    const auto sum = work.digest->compute(stopping_);
    work.digest.reset();
    lock.lock();
    if (sum.ok()) {
      note({work.mark, State::kDone, change, *sum, {}});
    } else {
      note({work.mark, State::kFailed, change, 0, sum.error().message});
    }
  }
}

// REQUIRES: the mutex is held.
void NamespaceDigests::note(Digest digest) {
  const auto found = std::find_if(digests_.begin(), digests_.end(),
                                  [&](const Digest& each) { return each.mark == digest.mark; });
  if (found != digests_.end()) {
    *found = std::move(digest);
    return;
  }
  digests_.push_back(std::move(digest));
  if (digests_.size() > kRememberedMax) digests_.pop_front();
}

}  // namespace minidfs::actors
