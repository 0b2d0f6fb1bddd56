// Copies of a namespace, as pieces that a test can spoil.
#pragma once

#include <string>
#include <vector>

#include "unit/storage/namespace/namespace_fixture.hpp"

namespace minidfs::storage::test {

inline constexpr ClusterId kCopyCluster{7, 7};

// All pieces of a copy, and what `between` does before each of them but the first.
template <class Between>
std::vector<std::string> pieces_of(NamespaceCopy& copy, Between between) {
  std::vector<std::string> pieces;
  while (true) {
    auto piece = must(copy.next(kCopyPieceMaxBytes));
    if (piece.empty()) return pieces;
    REQUIRE(piece.size() <= kCopyPieceMaxBytes);
    pieces.push_back(std::move(piece));
    between();
  }
}

inline std::vector<std::string> pieces_of(const NamespaceStore& store) {
  return pieces_of(*must(store.begin_copy(kCopyCluster)), [] {});
}

// Takes all in; the first error.
inline Status take_all(NamespaceIntake& intake, const std::vector<std::string>& pieces) {
  for (const auto& piece : pieces) MDFS_CHECK(intake.take(piece));
  return intake.finish();
}

inline void install(NamespaceStore& store, const std::vector<std::string>& pieces) {
  auto intake = must(store.begin_intake(kCopyCluster));
  must(take_all(*intake, pieces));
  must(store.install(std::move(intake)));
}

inline void check_same(const std::map<std::string, FileBlocks>& got,
                       const std::map<std::string, FileBlocks>& wanted) {
  REQUIRE(got.size() == wanted.size());
  for (const auto& [path, entry] : wanted) {
    CAPTURE(path);
    REQUIRE(got.contains(path));
    CHECK(got.at(path).status == entry.status);
    CHECK(got.at(path).blocks == entry.blocks);
  }
}

}  // namespace minidfs::storage::test
