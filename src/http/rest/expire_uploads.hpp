// Removes uploads in parts that nobody goes on with.
#pragma once

#include "client/async/async_names.hpp"
// The above comes first: see net/asio.hpp.
#include <cstdint>

#include "http/context_source.hpp"

namespace minidfs::http::rest {

// One is kept for so long after its last part has come, or after it was completed.
inline constexpr std::int64_t kUploadKeptMs = 24 * 3'600'000;

// Looks for them once: what cannot be done now is left for the next time.
asio::awaitable<void> expire_uploads(client::ClientContext& context, std::int64_t now_ms);

// Looks for them every few minutes, without an end. Every server does, each in its own rhythm, and
// two at once do no harm: what was removed is not there.
asio::awaitable<void> keep_expiring_uploads(ContextSource& cluster);

}  // namespace minidfs::http::rest
