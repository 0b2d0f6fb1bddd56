// What the block store's tests share: directories that vanish, replicas made from bytes, and
// finish() waited for.
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <vector>

#include "storage/blocks/block_store.hpp"
#include "storage/blocks/slice_codec.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::storage {

using minidfs::test::TemporaryDirectory;

// Small packs and limits, so that few bytes cross every border.
inline BlockStoreOptions store_options(std::vector<std::string> directories) {
  BlockStoreOptions options;
  options.directories = std::move(directories);
  options.durability = Durability::kNone;
  options.pack_limit_bytes = 128 << 10;
  options.pack_size_bytes = 512 << 10;
  options.reserved_bytes = 0;
  return options;
}

inline std::unique_ptr<BlockStore> open_store(const BlockStoreOptions& options) {
  auto store = BlockStore::open(options);
  INFO((store.ok() ? std::string() : store.error().message));
  REQUIRE(store.ok());
  return std::move(*store);
}

// Bytes that tell blocks and places apart; `compressible` repeats a short pattern.
inline std::vector<std::byte> make_bytes(std::size_t size, std::uint64_t seed,
                                         bool compressible = false) {
  std::vector<std::byte> bytes(size);
  std::uint64_t state = seed * 0x9E3779B97F4A7C15ULL + 1;
  for (std::size_t i = 0; i < size; ++i) {
    if (compressible && i >= 64) {
      bytes[i] = bytes[i - 64];
      continue;
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    bytes[i] = static_cast<std::byte>(state >> 32);
  }
  return bytes;
}

inline Status append_raw(ReplicaWriter& writer, BlockId block, std::span<const std::byte> raw,
                         Compression compression = {}, std::uint64_t generation = 1) {
  SliceEncoder encoder(compression);
  encoder.begin_block(block, generation);
  constexpr std::size_t kStep = 1 << 20;
  for (std::size_t begin = 0; begin < raw.size(); begin += kStep) {
    const auto encoded = encoder.encode(raw.subspan(begin, std::min(kStep, raw.size() - begin)));
    const auto memory =
        std::make_shared<std::vector<std::byte>>(encoded.stored.begin(), encoded.stored.end());
    MDFS_CHECK(writer.append(encoded.slices, *memory, memory));
  }
  return {};
}

inline Result<ReplicaInfo> finish_and_wait(ReplicaWriter& writer) {
  std::promise<Result<ReplicaInfo>> promise;
  auto future = promise.get_future();
  writer.finish([&](Result<ReplicaInfo> result) { promise.set_value(std::move(result)); });
  return future.get();
}

inline Result<ReplicaInfo> put(BlockStore& store, BlockId block, std::uint64_t generation,
                               std::span<const std::byte> raw, Compression compression = {},
                               bool with_hint = true) {
  MDFS_TRY(auto writer, store.create(block, generation, with_hint ? raw.size() : 0));
  MDFS_CHECK(append_raw(*writer, block, raw, compression, generation));
  return finish_and_wait(*writer);
}

inline Result<std::vector<std::byte>> read_back(const ReplicaReader& reader) {
  SliceDecoder decoder;
  std::vector<std::byte> raw;
  std::vector<std::byte> stored;
  for (std::size_t i = 0; i < reader.slices().size(); ++i) {
    const Slice& slice = reader.slices()[i];
    stored.resize(slice.stored_bytes);
    MDFS_CHECK(read_at(reader.fd(), stored, reader.stored_offset(i), "replica"));
    MDFS_TRY(const auto bytes,
             decoder.decode({reader.info().block, reader.info().generation, i}, slice, stored));
    raw.insert(raw.end(), bytes.begin(), bytes.end());
  }
  return raw;
}

inline std::vector<Result<std::shared_ptr<ReplicaReader>>> open_together(
    BlockStore& store, std::span<const BlockStore::ReplicaKey> keys) {
  std::vector<std::promise<Result<std::shared_ptr<ReplicaReader>>>> promises(keys.size());
  store.open_replicas(keys, [&](std::size_t place, Result<std::shared_ptr<ReplicaReader>> reader) {
    promises.at(place).set_value(std::move(reader));
  });
  std::vector<Result<std::shared_ptr<ReplicaReader>>> readers;
  for (auto& promise : promises) readers.push_back(promise.get_future().get());
  return readers;
}

inline Result<std::vector<std::byte>> get(BlockStore& store, BlockId block,
                                          std::uint64_t generation) {
  MDFS_TRY(const auto reader, store.open_replica(block, generation));
  return read_back(*reader);
}

template <class T>
Errc code_of(const Result<T>& result) {
  REQUIRE_FALSE(result.ok());
  return result.error().code;
}

inline std::vector<std::filesystem::path> files_in(const std::string& path) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace minidfs::storage
