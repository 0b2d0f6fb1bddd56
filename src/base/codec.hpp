// Encodes and decodes the plain structs that stand in the log, in files and in opaque message
// fields. A struct takes part by a free function
//
//   template <class Inspector>
//   typename Inspector::result_type inspect(Inspector& f, Foo& x) { return f(x.a, x.b); }
//
// which serves CAF's inspectors as well, so a message and its encoding have one definition.
//
// Format: integers and enums little-endian at their own width, bool as one byte 0 or 1, strings and
// vectors as a u32 count followed by the elements, structs as their fields in order, no padding.
// Decoding never trusts a count: it must fit in the bytes that are left.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.hpp"

namespace minidfs {

static_assert(std::endian::native == std::endian::little, "the codec copies integers as they are");

class Encoder {
 public:
  using result_type = void;

  explicit Encoder(std::string& out) : out_(out) {}

  template <class... Ts>
  void operator()(Ts&... fields) {
    (put(fields), ...);
  }

  template <class T>
  void put(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      out_.push_back(value ? 1 : 0);
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      char bytes[sizeof(T)];
      std::memcpy(bytes, &value, sizeof(T));
      out_.append(bytes, sizeof(T));
    } else {
      inspect(*this, const_cast<T&>(value));  // Encoding does not modify.
    }
  }
  void put(const std::string& value) {
    put(static_cast<std::uint32_t>(value.size()));
    out_.append(value);
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put(static_cast<std::uint32_t>(values.size()));
    for (const auto& value : values) put(value);
  }

 private:
  std::string& out_;
};

class Decoder {
 public:
  using result_type = bool;

  explicit Decoder(std::string_view in) : in_(in) {}

  // False as soon as a field does not fit; the remaining fields keep their values.
  template <class... Ts>
  bool operator()(Ts&... fields) {
    return (get(fields) && ...);
  }

  template <class T>
  bool get(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = 0;
      if (!get(byte) || byte > 1) return false;
      value = byte == 1;
      return true;
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      if (in_.size() < sizeof(T)) return false;
      std::memcpy(&value, in_.data(), sizeof(T));
      in_.remove_prefix(sizeof(T));
      return true;
    } else {
      return inspect(*this, value);
    }
  }
  bool get(std::string& value) {
    std::uint32_t size = 0;
    if (!get(size) || size > in_.size()) return false;
    value.assign(in_.data(), size);
    in_.remove_prefix(size);
    return true;
  }
  template <class T>
  bool get(std::vector<T>& values) {
    std::uint32_t count = 0;
    // Every element takes at least one byte, and memory grows only with elements really read.
    if (!get(count) || count > in_.size()) return false;
    values.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!get(values.emplace_back())) return false;
    }
    return true;
  }

  std::string_view rest() const { return in_; }

 private:
  std::string_view in_;
};

template <class T>
std::string encode(const T& value) {
  std::string out;
  Encoder(out).put(value);
  return out;
}

// Decodes a T that fills `bytes` exactly; `what` names the object in the error.
template <class T>
Result<T> decode(std::string_view bytes, std::string_view what) {
  T value{};
  Decoder decoder(bytes);
  if (!decoder.get(value) || !decoder.rest().empty()) {
    return Error{Errc::kCorrupt, std::string(what) + ": " + std::to_string(bytes.size()) +
                                     " bytes that do not decode"};
  }
  return value;
}

}  // namespace minidfs
