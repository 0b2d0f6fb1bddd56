// What a request says and what a response says, apart from their bodies.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace minidfs::http {

// Names of header fields are compared without regard to case (RFC 9110, 5.1).
bool same_name(std::string_view a, std::string_view b);

// In the order in which they arrived, or are to be sent.
class Fields {
 public:
  // The first value under the name.
  std::optional<std::string_view> find(std::string_view name) const;
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  // Those whose name `unwanted` is true of.
  template <class Predicate>
  void remove_if(Predicate unwanted) {
    std::erase_if(fields_, [&](const auto& field) { return unwanted(field.first); });
  }
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Where one end of a connection is, as a number: "127.0.0.1", "::1".
struct Peer {
  std::string address;
  std::uint16_t port = 0;
  bool loopback = false;
};

struct RequestHead {
  std::string method;  // "GET"; as it was sent.
  std::string path;    // As it was sent, still escaped; begins with '/'.
  std::string query;   // As it was sent, without '?'.
  Fields fields;
  std::optional<std::uint64_t> content_length;  // None: no body, or a chunked one.
  bool chunked = false;
  Peer remote;
  Peer local;  // The address that the client reached.

  // HEAD is answered as GET without the body.
  bool is_head() const { return method == "HEAD"; }
  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
  // Bytes of the body, where they are known beforehand.
  std::optional<std::uint64_t> announced_body() const {
    return chunked ? std::nullopt : std::optional(content_length.value_or(0));
  }
  // The client sends its body when it is told to (RFC 9110, 10.1.1).
  bool awaits_continue() const;
};

struct ResponseHead {
  unsigned status = 200;
  Fields fields;  // Without Content-Length, Transfer-Encoding, Connection, Date.
  // The connection ends with the response, for what would come over it is of no use.
  bool close = false;
};

// A response that is held whole.
struct Response {
  ResponseHead head;
  std::string body;
};

// Of `type`, as "application/json".
Response text_response(unsigned status, std::string type, std::string body);

// The reason phrase of a status (RFC 9110, 15).
std::string_view reason_of(unsigned status);

}  // namespace minidfs::http
