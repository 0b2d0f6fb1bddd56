// What a pure state machine asked for in a step, by kind. Effects are variants.
#pragma once

#include <catch2/catch.hpp>
#include <variant>
#include <vector>

namespace minidfs::test {

template <class Effect, class Any>
std::vector<Effect> effects_of(const std::vector<Any>& effects) {
  std::vector<Effect> found;
  for (const auto& effect : effects) {
    if (const auto* one = std::get_if<Effect>(&effect)) found.push_back(*one);
  }
  return found;
}

// The one of that kind.
template <class Effect, class Any>
Effect only_effect(const std::vector<Any>& effects) {
  const auto found = effects_of<Effect>(effects);
  REQUIRE(found.size() == 1);
  return found[0];
}

}  // namespace minidfs::test
