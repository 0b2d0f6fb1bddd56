// Result<T>: a value or an Error. Status is a Result without a value.
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "base/error.hpp"

namespace minidfs {

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok().
  T& value() & { return checked(); }
  const T& value() const& { return const_cast<Result*>(this)->checked(); }
  T&& value() && { return std::move(checked()); }
  T& operator*() & { return checked(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &value(); }

  // REQUIRES: !ok().
  const Error& error() const& {
    MDFS_ASSERT(!ok());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    MDFS_ASSERT(!ok());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  T& checked() {
    MDFS_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }

  // REQUIRES: !ok().
  const Error& error() const& {
    MDFS_ASSERT(!ok());
    return *error_;
  }
  Error&& error() && {
    MDFS_ASSERT(!ok());
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

#define MDFS_CONCAT_INNER(a, b) a##b
#define MDFS_CONCAT(a, b) MDFS_CONCAT_INNER(a, b)

// MDFS_TRY(auto x, f()): binds the value of f() or returns its error from the enclosing function.
#define MDFS_TRY(declaration, expression) \
  MDFS_TRY_IMPL(MDFS_CONCAT(mdfs_result_, __LINE__), declaration, expression)
#define MDFS_TRY_IMPL(name, declaration, expression) \
  auto name = (expression);                          \
  if (!name.ok()) return std::move(name).error();    \
  declaration = std::move(name).value()

// MDFS_CHECK(f()): returns the error of a Status from the enclosing function.
#define MDFS_CHECK(expression)                                \
  do {                                                        \
    if (auto mdfs_status = (expression); !mdfs_status.ok()) { \
      return std::move(mdfs_status).error();                  \
    }                                                         \
  } while (false)

}  // namespace minidfs
