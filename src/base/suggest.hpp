// "Did you mean": the known word that is nearest to one that a user mistyped.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace minidfs {

// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest candidate, or empty when none is near enough to be meant.
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates);

// "; did you mean 'x'?" or nothing: the end of an error message.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace minidfs
