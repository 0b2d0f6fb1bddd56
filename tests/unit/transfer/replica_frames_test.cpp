// How a thread of the disk sends the slices of a replica: in what frames, and when it stops.
#include "transfer/replica_frames.hpp"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "unit/transfer/fixture.hpp"

namespace minidfs::transfer {
namespace {

constexpr std::uint32_t kSlice = storage::kSliceBytes;
constexpr std::size_t kPlenty = 64 << 20;

// A replica of equal slices, of which the file has no more than `kept_bytes`.
class Replica final : public storage::ReplicaReader {
 public:
  explicit Replica(std::size_t slices, std::size_t slice_bytes = kSlice,
                   std::size_t kept_bytes = SIZE_MAX)
      : slice_bytes_(slice_bytes),
        bytes_(random_bytes(slices * slice_bytes)),
        file_(::memfd_create("replica", MFD_CLOEXEC)),
        slices_(slices, {static_cast<std::uint32_t>(slice_bytes), kSlice, 5}) {
    const auto kept = std::min(kept_bytes, bytes_.size());
    REQUIRE(::pwrite(file_.get(), bytes_.data(), kept, 0) == static_cast<ssize_t>(kept));
  }

  const storage::ReplicaInfo& info() const override { return info_; }
  std::span<const storage::Slice> slices() const override { return slices_; }
  int fd() const override { return file_.get(); }
  std::uint64_t stored_offset(std::size_t slice) const override { return slice * slice_bytes_; }
  void progress() override { ++steps_; }

  int steps() const { return steps_; }

  // What a reader of these slices gets.
  std::string frames(std::size_t first, std::size_t count) const {
    std::string out;
    for (const std::size_t end = first + count; first < end;) {
      const auto part = std::min(end - first, kFrameSlicesMax);
      append_slices_head(out, FrameType::kReadSlices, slices().subspan(first, part));
      out.append(bytes_, first * slice_bytes_, part * slice_bytes_);
      first += part;
    }
    return out;
  }

 private:
  const storage::ReplicaInfo info_{BlockId{1}, kGeneration, 0, 0};
  const std::size_t slice_bytes_;
  const std::string bytes_;
  const UniqueFd file_;
  const std::vector<storage::Slice> slices_;
  int steps_ = 0;
};

struct Wire {
  explicit Wire(int buffer_bytes) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    here.reset(ends[0]);
    there.reset(ends[1]);
    REQUIRE(::setsockopt(here.get(), SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes) ==
            0);
  }
  std::string received() {
    std::string all;
    std::string part(1 << 20, ' ');
    for (;;) {
      const ssize_t count = ::recv(there.get(), part.data(), part.size(), 0);
      if (count <= 0) return all;
      all.append(part, 0, static_cast<std::size_t>(count));
    }
  }

  UniqueFd here;
  UniqueFd there;
};

TEST_CASE("Frames go on where the socket was full, in the middle of a head or of data") {
  const auto replica = std::make_shared<Replica>(40);
  Wire wire(1);  // The kernel's least.
  ReplicaFrames frames(replica, 1, 39);
  std::string got;
  ReplicaFrames::Turn turn;
  for (int turns = 0; !turn.all; ++turns) {
    REQUIRE(turns < 100'000);
    turn = frames.send(wire.here.get(), kPlenty);
    REQUIRE(turn.status.ok());
    CHECK(turn.full != turn.all);
    got += wire.received();
  }
  CHECK((got == replica->frames(1, 39)));
}

TEST_CASE("Several frames are sent in one turn, with a sign of progress for each") {
  const auto replica = std::make_shared<Replica>(3 * kFrameSlicesMax, 100);
  Wire wire(1 << 20);
  ReplicaFrames frames(replica, 0, 2 * kFrameSlicesMax + 1);
  const auto turn = frames.send(wire.here.get(), kPlenty);
  REQUIRE(turn.status.ok());
  CHECK(turn.all);
  CHECK(turn.data_bytes == (2 * kFrameSlicesMax + 1) * 100);
  CHECK((wire.received() == replica->frames(0, 2 * kFrameSlicesMax + 1)));
  CHECK(replica->steps() == 3);
}

TEST_CASE("A turn ends with the bytes that it has, though the socket would take more") {
  const auto replica = std::make_shared<Replica>(20);
  Wire wire(1 << 20);
  ReplicaFrames frames(replica, 0, 20);
  const auto turn = frames.send(wire.here.get(), kSlice + 5);
  CHECK(turn.data_bytes == kSlice + 5);
  CHECK(!turn.full);
  CHECK(!turn.all);
}

TEST_CASE("The end of the replica's file before that of its slices is the replica's fault") {
  const auto replica = std::make_shared<Replica>(2, kSlice, kSlice + 1);
  Wire wire(1 << 20);
  ReplicaFrames frames(replica, 0, 2);
  auto turn = frames.send(wire.here.get(), kPlenty);
  if (turn.status.ok()) turn = frames.send(wire.here.get(), kPlenty);  // All that there was.
  CHECK(turn.status.error().code == Errc::kCorrupt);
  CHECK(!turn.all);
}

TEST_CASE("A reader that has gone is an error, not a signal, and not the replica's fault") {
  const auto replica = std::make_shared<Replica>(2);
  Wire wire(1 << 20);
  ReplicaFrames frames(replica, 0, 2);
  REQUIRE(frames.send(wire.here.get(), 1).status.ok());  // The head, so that sendfile is next.
  wire.there.reset();
  const auto turn = frames.send(wire.here.get(), kPlenty);
  REQUIRE(!turn.status.ok());
  CHECK(turn.status.error().code != Errc::kCorrupt);
  CHECK(turn.status.error().code != Errc::kIoError);
}

}  // namespace
}  // namespace minidfs::transfer
