#include "transfer/wire.hpp"

#include <cstring>

namespace minidfs::transfer {
namespace {

struct FrameRule {
  std::string_view name;
  std::size_t control_min;
  std::size_t control_max;
  bool has_data;
};

constexpr std::size_t kWireStatusMax = 1024;

// The row of each type, by its number; an empty name is no type.
constexpr std::array<FrameRule, 20> kRules{{
    {"", 0, 0, false},
    {"Hello", 10, 256, false},  // Of another version it may have another size.
    {"Welcome", 54, 54, false},
    {"Failure", 5, kWireStatusMax, false},
    {"OpenPipeline", 5, 8192, false},
    {"BeginBlock", 24, 24, false},
    {"EndBlock", 16, 16, false},
    {"WriteSlices", 16, 256, true},
    {"AckBlock", 25, 16384, false},
    {"KeepAlive", 4, 4, false},
    {"ReadBlock", 32, 32, false},
    {"ReadSlices", 16, 256, true},
    {"ReadBegins", 32, 32, false},
    {"ReadFails", 5, kWireStatusMax, false},
    {"CorruptSlice", 24, 24, false},
    {"TargetLost", 14, kWireStatusMax, false},
    {"Challenge", 64, 64, false},
    {"Proof", 48, 48, false},
    {"SumBlock", 24, 24, false},
    {"BlockSummed", 28, 28, false},
}};

template <class T>
T load(std::span<const std::byte> in, std::size_t offset) {
  T value;
  std::memcpy(&value, in.data() + offset, sizeof value);
  return value;
}

Error protocol_error(std::string message) { return {Errc::kProtocol, std::move(message)}; }

template <class T>
Result<T> parse_control(std::string_view control, FrameType type) {
  T value{};
  Decoder decoder(control);
  if (!decoder.get(value) || !decoder.rest().empty()) {
    return protocol_error(std::string(to_string(type)) + " frame: " +
                          std::to_string(control.size()) + " bytes that do not decode");
  }
  return value;
}

bool valid_code(std::uint8_t code) { return code == 0 || is_errc(code); }

void put_header(char* at, FrameType type, std::size_t control_bytes, std::size_t data_bytes) {
  const auto type_number = static_cast<std::uint8_t>(type);
  const auto control = static_cast<std::uint16_t>(control_bytes);
  const auto data = static_cast<std::uint32_t>(data_bytes);
  std::memcpy(at + 8, &type_number, 1);
  at[9] = 0;
  std::memcpy(at + 10, &control, 2);
  std::memcpy(at + 12, &data, 4);
  const Checksum sum = checksum(std::string_view(at + 8, 8 + control_bytes));
  std::memcpy(at, &sum, 8);
}

}  // namespace

std::string_view to_string(FrameType type) {
  const auto number = static_cast<std::size_t>(type);
  return number < kRules.size() && number > 0 ? kRules[number].name : "unknown";
}

Error WireStatus::to_error() const {
  return {is_errc(code) ? static_cast<Errc>(code) : Errc::kInternal, message};
}

WireStatus wire_status(const Error& error) {
  return {static_cast<std::uint8_t>(error.code), error.message.substr(0, kMessageBytesMax)};
}

Result<std::optional<Frame>> parse_frame(std::span<const std::byte> in) {
  if (in.size() < kFrameHeaderBytes) return std::optional<Frame>();
  const auto type = load<std::uint8_t>(in, 8);
  const auto control_bytes = load<std::uint16_t>(in, 10);
  const auto data_bytes = load<std::uint32_t>(in, 12);
  if (type == 0 || type >= kRules.size() || load<std::uint8_t>(in, 9) != 0) {
    return protocol_error("frame of unknown type " + std::to_string(type));
  }
  const FrameRule& rule = kRules[type];
  const std::size_t data_max = rule.has_data ? kFrameDataMax : 0;
  if (control_bytes < rule.control_min || control_bytes > rule.control_max ||
      data_bytes > data_max) {
    return protocol_error(std::string(rule.name) + " frame of " + std::to_string(control_bytes) +
                          " + " + std::to_string(data_bytes) + " bytes, which is out of bounds");
  }
  if (in.size() < kFrameHeaderBytes + control_bytes) return std::optional<Frame>();
  if (checksum(in.subspan(8, 8U + control_bytes)) != load<Checksum>(in, 0)) {
    return protocol_error(std::string(rule.name) + " frame with a wrong checksum");
  }
  Frame frame;
  frame.type = static_cast<FrameType>(type);
  const auto* chars = reinterpret_cast<const char*>(in.data());
  frame.control = std::string_view(chars + kFrameHeaderBytes, control_bytes);
  frame.data_bytes = data_bytes;
  const auto rest = in.subspan(frame.head_bytes());
  frame.data = rest.first(std::min<std::size_t>(rest.size(), data_bytes));
  return std::optional<Frame>(frame);
}

std::size_t wanted_bytes(std::span<const std::byte> in) {
  if (in.size() < kFrameHeaderBytes) return kFrameHeaderBytes;
  return kFrameHeaderBytes + load<std::uint16_t>(in, 10) + load<std::uint32_t>(in, 12);
}

Result<SliceArray> parse_slices(const Frame& frame) {
  const std::size_t count = frame.control.size() / sizeof(storage::Slice);
  if (count == 0 || count > kFrameSlicesMax ||
      count * sizeof(storage::Slice) != frame.control.size()) {
    return protocol_error("slices frame of " + std::to_string(frame.control.size()) +
                          " control bytes");
  }
  SliceArray array;
  array.count = count;
  std::memcpy(array.slices.data(), frame.control.data(), frame.control.size());
  std::uint64_t stored_bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const storage::Slice& slice = array.slices[i];
    const bool last = i + 1 == count;
    if (slice.stored_bytes == 0 || slice.stored_bytes > slice.raw_bytes ||
        slice.raw_bytes > storage::kSliceBytes ||
        (!last && slice.raw_bytes != storage::kSliceBytes)) {
      return protocol_error("slice of " + std::to_string(slice.stored_bytes) + " stored and " +
                            std::to_string(slice.raw_bytes) + " raw bytes");
    }
    stored_bytes += slice.stored_bytes;
    array.raw_bytes += slice.raw_bytes;
  }
  if (stored_bytes != frame.data_bytes) {
    return protocol_error("slices of " + std::to_string(stored_bytes) + " bytes in a frame of " +
                          std::to_string(frame.data_bytes));
  }
  return array;
}

Result<Hello> parse_hello(std::string_view control) {
  Decoder start(control);
  std::uint64_t magic = 0;
  std::uint16_t version = 0;
  if (!start(magic, version) || magic != kHelloMagic) {
    return protocol_error("Hello frame with a wrong magic number");
  }
  if (version != kProtocolVersion) {
    return Error{Errc::kUnsupported, "protocol version " + std::to_string(version) +
                                         "; this node speaks version " +
                                         std::to_string(kProtocolVersion)};
  }
  MDFS_TRY(auto hello, parse_control<Hello>(control, FrameType::kHello));
  if (!auth::is_role(static_cast<std::uint8_t>(hello.role)) ||
      !auth::is_method(static_cast<std::uint8_t>(hello.method))) {
    return protocol_error("Hello frame of an unknown role or way to prove it");
  }
  return hello;
}

Result<Challenge> parse_challenge(std::string_view control) {
  return parse_control<Challenge>(control, FrameType::kChallenge);
}

Result<ProofGiven> parse_proof(std::string_view control) {
  return parse_control<ProofGiven>(control, FrameType::kProof);
}

Result<Welcome> parse_welcome(std::string_view control) {
  return parse_control<Welcome>(control, FrameType::kWelcome);
}

Result<WireStatus> parse_wire_status(std::string_view control) {
  MDFS_TRY(auto status, parse_control<WireStatus>(control, FrameType::kFailure));
  if (!is_errc(status.code)) {
    return protocol_error("failure with the unknown code " + std::to_string(status.code));
  }
  return status;
}

Result<OpenPipeline> parse_open_pipeline(std::string_view control) {
  MDFS_TRY(auto open, parse_control<OpenPipeline>(control, FrameType::kOpenPipeline));
  if (open.background > 1) {
    return protocol_error("OpenPipeline frame with background " + std::to_string(open.background));
  }
  if (open.ahead + open.targets.size() > kFurtherTargetsMax) {
    return protocol_error("pipeline of " + std::to_string(open.targets.size()) +
                          " further targets behind " + std::to_string(open.ahead));
  }
  return open;
}

Result<BeginBlock> parse_begin_block(std::string_view control) {
  MDFS_TRY(auto begin, parse_control<BeginBlock>(control, FrameType::kBeginBlock));
  if (begin.block.value == 0) return protocol_error("BeginBlock frame without a block");
  return begin;
}

Result<EndBlock> parse_end_block(std::string_view control) {
  return parse_control<EndBlock>(control, FrameType::kEndBlock);
}

Result<AckBlock> parse_ack_block(std::string_view control) {
  MDFS_TRY(auto ack, parse_control<AckBlock>(control, FrameType::kAckBlock));
  for (const auto& target : ack.targets) {
    if (!valid_code(target.code)) {
      return protocol_error("AckBlock frame with the unknown code " + std::to_string(target.code));
    }
  }
  return ack;
}

Result<TargetLost> parse_target_lost(std::string_view control) {
  MDFS_TRY(auto lost, parse_control<TargetLost>(control, FrameType::kTargetLost));
  if (lost.block.value == 0 || lost.target > kFurtherTargetsMax || !is_errc(lost.status.code)) {
    return protocol_error("TargetLost frame of block " + to_string(lost.block) + ", target " +
                          std::to_string(lost.target) + " and code " +
                          std::to_string(lost.status.code));
  }
  return lost;
}

Result<KeepAlive> parse_keep_alive(std::string_view control) {
  return parse_control<KeepAlive>(control, FrameType::kKeepAlive);
}

Status check_keep_alive(std::string_view control, std::chrono::milliseconds disk_timeout) {
  MDFS_TRY(const auto alive, parse_keep_alive(control));
  if (std::chrono::milliseconds(alive.disk_stalled_ms) < disk_timeout) return {};
  return Error{Errc::kTimedOut, "its disk has made no progress for " +
                                    std::to_string(alive.disk_stalled_ms) + " ms"};
}

Result<ReadBlock> parse_read_block(std::string_view control) {
  MDFS_TRY(auto read, parse_control<ReadBlock>(control, FrameType::kReadBlock));
  if (read.length > UINT64_MAX - read.offset) {
    return protocol_error("ReadBlock frame whose range ends beyond 64 bits");
  }
  return read;
}

Result<ReadBegins> parse_read_begins(std::string_view control) {
  return parse_control<ReadBegins>(control, FrameType::kReadBegins);
}

Result<CorruptSlice> parse_corrupt_slice(std::string_view control) {
  return parse_control<CorruptSlice>(control, FrameType::kCorruptSlice);
}

Result<SumBlock> parse_sum_block(std::string_view control) {
  return parse_control<SumBlock>(control, FrameType::kSumBlock);
}

Result<BlockSummed> parse_block_summed(std::string_view control) {
  return parse_control<BlockSummed>(control, FrameType::kBlockSummed);
}

void append_frame(std::string& out, FrameType type, std::string_view control) {
  const std::size_t start = out.size();
  out.resize(start + kFrameHeaderBytes);
  out.append(control);
  put_header(out.data() + start, type, control.size(), 0);
}

void append_slices_head(std::string& out, FrameType type, std::span<const storage::Slice> slices) {
  MDFS_ASSERT(!slices.empty() && slices.size() <= kFrameSlicesMax);
  std::size_t stored_bytes = 0;
  for (const auto& slice : slices) stored_bytes += slice.stored_bytes;
  const std::size_t start = out.size();
  out.resize(start + kFrameHeaderBytes);
  out.append(reinterpret_cast<const char*>(slices.data()), slices.size_bytes());
  put_header(out.data() + start, type, slices.size_bytes(), stored_bytes);
}

Error failure_of(const Frame& frame, const std::string& peer) {
  auto status = parse_wire_status(frame.control);
  if (!status.ok()) return std::move(status).error();
  Error error = status->to_error();
  error.message = peer + ": " + error.message;
  return error;
}

Error unexpected_frame(const Frame& frame, const std::string& peer) {
  return {Errc::kProtocol, peer + ": unexpected " + std::string(to_string(frame.type)) + " frame"};
}

}  // namespace minidfs::transfer
