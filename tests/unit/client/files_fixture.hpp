// What the tests of reading and writing files have in common: sources, contents, short calls.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <utility>

#include "base/file.hpp"
#include "client/file_system.hpp"
#include "support/temporary_directory.hpp"
#include "unit/client/fake_cluster.hpp"

namespace minidfs::client {

inline std::string content_of(std::size_t size, unsigned seed = 1) {
  std::string bytes(size, '\0');
  std::uint32_t state = seed;
  for (auto& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24U);
  }
  return bytes;
}

// A pipe-like source: sequential, in pieces of odd sizes.
class TextSource final : public Source {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto count = std::min({buffer.size(), text_.size() - position_, std::size_t{100'003}});
    std::memcpy(buffer.data(), text_.data() + position_, count);
    position_ += count;
    if (after_read) after_read(position_);
    return count;
  }

  std::function<void(std::size_t)> after_read;

 private:
  std::string text_;
  std::size_t position_ = 0;
};

// A local file, readable at any place.
class FileSource final : public Source {
 public:
  explicit FileSource(const std::string& path) : file_(std::move(*open_file(path, 0))) {}
  Result<std::size_t> read(std::span<std::byte> /*buffer*/) override { return std::size_t{0}; }
  int seekable_fd() const override { return file_.get(); }

 private:
  UniqueFd file_;
};

inline std::string put_local(const test::TemporaryDirectory& directory, const std::string& name,
                             const std::string& content) {
  const auto path = directory.file(name);
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

inline std::string local_content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Damages what `node` stored of its blocks: every byte of the larger files that are no index.
inline void flip_bytes(const FakeDatanode& node) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(node.directory())) {
    if (!entry.is_regular_file() || entry.path().string().find("index") != std::string::npos ||
        entry.file_size() < 50'000) {
      continue;
    }
    auto content = local_content(entry.path().string());
    for (std::size_t i = 20'000; i < 30'000; ++i) content[i] = static_cast<char>(~content[i]);
    std::ofstream(entry.path(), std::ios::binary | std::ios::in) << content;
  }
}

inline Result<std::string> read_range(FileSystem& files, const std::string& path,
                                      std::uint64_t offset, std::uint64_t length) {
  std::string content;
  auto status =
      files.read_file(path, offset, length,
                      [&](std::span<const std::byte> bytes) {
                        content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                        return Status();
                      },
                      {});
  if (!status.ok()) return std::move(status).error();
  return content;
}

inline std::string read_all(FileSystem& files, const std::string& path) {
  auto content = read_range(files, path, 0, UINT64_MAX);
  if (!content.ok()) FAIL(content.error().message);
  return std::move(*content);
}

inline Options quick(std::uint64_t block_size = 256 << 10) {
  Options options;
  options.block_size = block_size;
  options.timeout = std::chrono::milliseconds(3000);
  return options;
}

inline WriteReport write_text(FileSystem& files, const std::string& path, const std::string& text,
                              const WriteOptions& options = {}) {
  TextSource source(text);
  auto report = files.write_file(path, source, options);
  if (!report.ok()) FAIL(report.error().message);
  return *report;
}

}  // namespace minidfs::client
