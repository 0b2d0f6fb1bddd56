// Waiting for what is given to a callback.
#pragma once

#include <future>
#include <memory>
#include <utility>

namespace minidfs::client {

// Waits for what `submit` gets called back. Shared, because the callback may still be inside
// set_value when the caller has the result.
template <class T, class Submit>
T wait_for(const Submit& submit) {
  const auto promise = std::make_shared<std::promise<T>>();
  submit([promise](T given) { promise->set_value(std::move(given)); });
  return promise->get_future().get();
}

}  // namespace minidfs::client
