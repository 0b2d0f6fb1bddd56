#include "sim/whole/disk.hpp"

#include <utility>

namespace minidfs::sim {

using storage::DiskHealth;
using storage::DiskWork;

bool SimDisk::hangs(DiskWork kind) const {
  return hangs_ == Hangs::kAll || (hangs_ == Hangs::kSyncs && kind == DiskWork::kSync);
}

void SimDisk::work(DiskWork kind, Done done) { begin({kind, std::move(done)}, slow); }

void SimDisk::unlink(Done done) {
  begin({DiskWork::kWrite, std::move(done)}, slow || slow_unlinks);
}

void SimDisk::begin(Call call, bool slowly) {
  static_cast<void>(health_->step(DiskHealth::Event::kBegan, call.kind, world_.now()));
  const auto most = slowly ? milliseconds{2000} : milliseconds{10};
  process_.later(world_.between(milliseconds{1}, most), [this, call = std::move(call)] {
    if (hangs(call.kind)) {
      hanging_.push_back(call);
    } else {
      returned(call);
    }
  });
}

void SimDisk::returned(const Call& call) {
  changed_(health_->step(DiskHealth::Event::kEnded, call.kind, world_.now()));
  if (fails) world_.note("a call of a disk that failed");
  call.done(fails ? Status(Error{Errc::kIoError, "the disk fails"}) : Status());
}

milliseconds SimDisk::stalled_for() const {
  return std::chrono::duration_cast<milliseconds>(health_->stalled_for(world_.now()));
}

void SimDisk::tick() {
  changed_(health_->step(DiskHealth::Event::kTick, DiskWork::kRead, world_.now()));
}

void SimDisk::forget_process() {
  health_.emplace(kDiskTimeout);
  hanging_.clear();
}

// One that hangs already goes on as it does: a write that hung would else be hidden by later ones
// that end.
void SimDisk::hang(Hangs hangs) {
  if (hangs != Hangs::kNot) {
    if (hangs_ != Hangs::kNot) return;
    hangs_ = hangs;
    hangs_since_ = world_.now();
    return;
  }
  hangs_ = Hangs::kNot;
  hangs_since_.reset();
  for (auto& call : std::exchange(hanging_, {})) {
    process_.later(milliseconds{0}, [this, call = std::move(call)] { returned(call); });
  }
}

}  // namespace minidfs::sim
