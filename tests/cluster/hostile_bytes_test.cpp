// Garbage, forged lengths, other protocols and changed conversations at the ports of both roles.
#include <catch2/catch.hpp>
#include <deque>
#include <random>

#include "cluster/besieged_cluster.hpp"
#include "cluster/hostile_peer.hpp"
#include "transfer/wire.hpp"

namespace minidfs::test {
namespace {

using transfer::FrameType;

// The last few peers that have said what they had to say. Each is kept until the role has closed:
// closing with bytes unread would take back what is on its way.
class Crowd {
 public:
  void add(HostilePeer peer) {
    peer.close_half();
    peers_.push_back(std::move(peer));
    if (peers_.size() <= kCrowd) return;
    peers_.front().drain();
    peers_.pop_front();
  }

 private:
  static constexpr std::size_t kCrowd = 32;
  std::deque<HostilePeer> peers_;
};

// A header of CAF's protocol: a message to an actor, whose payload has (almost) 4 GiB.
std::string forged_caf_frame() {
  std::string header(32, '\0');
  header[0] = '\x02';
  header.replace(4, 4, "\xff\xff\xff\xff");
  return header;
}

std::string tls_greeting() {
  return std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + random_bytes(508, 9);
}

// Frames that a datanode understands up to their checksum, about blocks that nobody knows.
std::string sensible_frame(std::mt19937_64& random) {
  std::string out;
  const BlockId block{1 + random() % 5000};
  if (random() % 2 == 0) {
    const transfer::ReadBlock read{block, random() % 3, random() >> (random() % 64), random()};
    transfer::append_frame(out, FrameType::kReadBlock, read);
  } else {
    const transfer::CorruptSlice notice{block, random() % 3, random() >> (random() % 64)};
    transfer::append_frame(out, FrameType::kCorruptSlice, notice);
  }
  return out;
}

std::string slices_frame(std::mt19937_64& random) {
  storage::Slice slice{};
  slice.stored_bytes = static_cast<std::uint32_t>(1 + random() % 5000);
  slice.raw_bytes = slice.stored_bytes;
  slice.checksum = random();
  std::string out;
  transfer::append_slices_head(out, FrameType::kWriteSlices, {&slice, 1});
  return out + random_bytes(slice.stored_bytes, static_cast<unsigned>(random()));
}

// The parts of a written block, each of which may be what is changed or missing.
std::vector<std::string> written_block(std::mt19937_64& random) {
  std::vector<std::string> frames(3);
  transfer::OpenPipeline open;
  if (random() % 4 == 0) open.targets.push_back({"127.0.0.1", 1});
  transfer::append_frame(frames[0], FrameType::kOpenPipeline, open);
  const BlockId block{(1ULL << 40) + random() % 1000};
  transfer::append_frame(frames[1], FrameType::kBeginBlock,
                         transfer::BeginBlock{block, 1, random() >> (random() % 64)});
  transfer::append_frame(frames[2], FrameType::kEndBlock, transfer::EndBlock{1, random() % 5000});
  frames.insert(frames.begin() + 2, slices_frame(random));
  return frames;
}

// A control part that was changed behind a checksum that is right, so that decoders get to see it.
std::string resealed(std::string frame, std::mt19937_64& random) {
  const auto type = static_cast<FrameType>(frame[8]);
  std::string control = frame.substr(transfer::kFrameHeaderBytes);
  mutate(control, random);
  control.resize(std::min<std::size_t>(control.size(), 65535));
  std::string out;
  transfer::append_frame(out, type, control);
  return out;
}

std::string mutated(std::string frame, std::mt19937_64& random) {
  if (random() % 2 == 0) return resealed(std::move(frame), random);
  mutate(frame, random);
  return frame;
}

// One connection's worth of frames after the greeting `talk`; adds to `frames` how many these are.
std::string hostile_talk(std::string talk, std::mt19937_64& random, std::size_t& frames) {
  switch (random() % 8) {
    case 0:  // A changed greeting.
      mutate(talk, random);
      break;
    case 1: {  // Random bytes behind the greeting.
      talk += random_bytes(random() % 3000, static_cast<unsigned>(random()));
      break;
    }
    case 2: {  // A block whose writing goes wrong somewhere.
      auto parts = written_block(random);
      auto& victim = parts[random() % parts.size()];
      victim = mutated(victim, random);
      for (const auto& part : parts) talk += part;
      frames += parts.size();
      break;
    }
    default:  // Questions about random blocks, until one was changed.
      for (std::size_t i = random() % 30; i > 0; --i, ++frames) talk += sensible_frame(random);
      talk += mutated(sensible_frame(random), random);
      ++frames;
  }
  ++frames;
  return talk;
}

// Sends so many hostile frames to the datanode, and looks after the good clients meanwhile.
void attack_datanode(BesiegedCluster& target, std::size_t frames_wanted, std::mt19937_64& random) {
  const std::string greeting = target.data_greeting();
  std::size_t frames = 0;
  Crowd crowd;
  for (std::size_t check = 0; frames < frames_wanted;) {
    HostilePeer peer(target.datanode_port());
    peer.send(hostile_talk(greeting, random, frames));
    crowd.add(std::move(peer));
    if (frames / (frames_wanted / 4) > check) {
      ++check;
      target.check_good_clients();
    }
  }
}

}  // namespace

TEST_CASE("random bytes, forged lengths and other protocols' greetings at each port do no harm") {
  BesiegedCluster target;
  std::mt19937_64 random(11);
  const std::string noise = random_bytes(1 << 20, 12);
  const std::string http = "GET / HTTP/1.1\r\nHost: minidfs\r\n\r\n";
  for (const auto port : {target.namenode_port(), target.datanode_port()}) {
    for (const auto& bytes : {noise, forged_caf_frame(), tls_greeting(), http}) {
      HostilePeer ends_well(port);
      ends_well.send(bytes);
      ends_well.close_half();
      ends_well.drain();
      // And one that stays.
      HostilePeer(port).send(bytes);
    }
    target.check_good_clients();
  }
  // Behind an admission, and behind a greeting, the same bytes come further.
  for (const auto& bytes : {noise, forged_caf_frame(), tls_greeting(), http}) {
    admitted_peer(target.namenode_port(), random, bytes).drain();
    HostilePeer peer(target.datanode_port());
    peer.send(target.data_greeting() + bytes);
    peer.close_half();
    peer.drain();
  }
  target.check_good_clients();
  target.check_memory();
}

TEST_CASE("ten thousand changed conversations at the namenode's port do no harm") {
  BesiegedCluster target;
  std::mt19937_64 random(21);
  const std::string conversation = recorded_conversation(target.namenode_port());
  REQUIRE(conversation.find(kProcessMark) != std::string::npos);
  // Unchanged it is answered by more than a handshake.
  const auto handshake = admitted_peer(target.namenode_port(), random, {}).receive(300).size();
  REQUIRE(admitted_peer(target.namenode_port(), random, conversation).receive(1000).size() >
          handshake);
  Crowd crowd;
  for (int i = 0; i < 10'000; ++i) {
    auto changed = conversation;
    for (std::size_t times = 1 + random() % 3; times > 0; --times) mutate(changed, random);
    crowd.add(admitted_peer(target.namenode_port(), random, changed));
    if (i % 2'500 == 2'499) target.check_good_clients();
  }
  target.check_good_clients();
  target.check_memory();
}

TEST_CASE("a hundred thousand random or changed frames at the data port do no harm") {
  BesiegedCluster target;
  std::mt19937_64 random(31);
  attack_datanode(target, 100'000, random);
  target.check_good_clients();
  target.check_memory();
}

}  // namespace minidfs::test
