// What a request makes its answer depend on (RFC 9110, 13), judged for a file of the namespace.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "http/message.hpp"
#include "metadata/types.hpp"

namespace minidfs::http::rest {

// A version of a file, as caches and resumed downloads name it.
struct Validators {
  std::string tag;  // With its quotes.
  std::int64_t modified_ms = 0;
};

// The tag is a strong one. Who overwrites a file makes another inode, whose id was never used
// before, and an inode only grows (append, concat): two files with the same id and length have the
// same bytes. The time is in the tag for the sake of those who set it to have a file fetched again.
Validators validators_of(const metadata::FileStatus& status);

enum class Judgement : std::uint8_t { kServe, kNotModified, kFailed };

// Of a request to read: whether it is served, or answered by 304 or 412.
Judgement judge_read(const Fields& fields, const Validators& file);

// Of a request to write in place of this file; none: the name is free. Else it is answered by 412.
bool permits_write(const Fields& fields, const std::optional<Validators>& file);

// Whether the Range field of the request counts. Without If-Range it does; with one, for the
// version that it names.
bool range_counts(const Fields& fields, const Validators& file);

}  // namespace minidfs::http::rest
