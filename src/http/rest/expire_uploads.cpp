#include "http/rest/expire_uploads.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "base/wall_clock.hpp"
#include "http/rest/upload_store.hpp"
#include "net/wait.hpp"

namespace minidfs::http::rest {
namespace {

using std::chrono::milliseconds;

// The first time comes soon: where processes seldom live for minutes somebody looks all the same.
constexpr milliseconds kFirstPauseMax{10'000};
constexpr milliseconds kPauseMin{180'000};
constexpr milliseconds kPauseMax{420'000};

milliseconds random_pause(milliseconds least, milliseconds most) {
  const auto spread = static_cast<std::uint64_t>((most - least).count());
  return least + milliseconds{random_128().low % (spread + 1)};
}

asio::awaitable<void> rest_for(milliseconds pause) {
  asio::steady_timer timer(co_await asio::this_coro::executor, pause);
  co_await net::wait(timer);
}

// A directory changes when an entry comes or goes, and not when a part is replaced.
asio::awaitable<Status> expire(client::ClientContext& context, metadata::FileStatus entry,
                               std::int64_t now_ms) {
  const bool may_be_old = entry.kind == metadata::FileKind::kDirectory &&
                          is_upload_id(entry.name) && entry.modified_ms + kUploadKeptMs < now_ms;
  if (!may_be_old) co_return Status();
  const auto state = co_await look_up(context, entry.name);
  if (!state.ok()) co_return state.error();
  if (state->changed_ms + kUploadKeptMs >= now_ms) co_return Status();
  Status removed = co_await abandon_stored_upload(context, entry.name);
  if (removed.ok()) log_info("http", "upload {}: nobody went on with it: removed", entry.name);
  co_return removed;
}

}  // namespace

asio::awaitable<void> expire_uploads(client::ClientContext& context, std::int64_t now_ms) {
  std::string start_after;
  for (bool more = true; more;) {
    const std::string directory(kUploadsDirectory);
    auto page = co_await client::list_page(context, directory, start_after, 0);
    if (!page.ok()) co_return;  // Mostly because nobody has uploaded anything so far.
    if (!page->entries.empty()) start_after = page->entries.back().name;
    more = page->more;
    for (const auto& entry : page->entries) {
      const Status expired = co_await expire(context, entry, now_ms);
      if (expired.ok() || expired.error().code == Errc::kNotFound) continue;
      log_warn("http", "upload {}: cannot be removed: {}", entry.name, expired.error().message);
    }
  }
}

asio::awaitable<void> keep_expiring_uploads(ContextSource& cluster) {
  auto pause = random_pause(milliseconds{0}, kFirstPauseMax);
  for (;;) {
    co_await rest_for(pause);
    co_await expire_uploads(cluster.get(), wall_clock_ms());
    pause = random_pause(kPauseMin, kPauseMax);
  }
}

}  // namespace minidfs::http::rest
