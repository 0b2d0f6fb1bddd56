#include "net/answer.hpp"

#include "net/wait.hpp"

namespace minidfs::net {

void AnswerWait::cancel() {
  cancelled_ = true;
  timer_.cancel();
}

asio::awaitable<void> AnswerWait::wait_until(TimePoint deadline) {
  timer_.expires_at(deadline);
  co_await net::wait(timer_);
}

void AnswerWait::wake(const std::shared_ptr<Shared>& shared) {
  asio::post(shared->owner->timer_.get_executor(), [shared] {
    const std::lock_guard lock(shared->mutex);
    if (shared->owner != nullptr) shared->owner->timer_.cancel();
  });
}

}  // namespace minidfs::net
