// A directory of its own and a namespace in it, with defaults for all that a test does not set.
#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.hpp"
#include "metadata/changes.hpp"
#include "storage/namespace/namespace_reader.hpp"
#include "storage/namespace/namespace_store.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::storage::test {

class NamespaceDirectory {
 public:
  std::string file(const std::string& name = "namespace.db") const { return directory_.file(name); }

 private:
  minidfs::test::TemporaryDirectory directory_;
};

template <class T>
T must(Result<T> result) {
  if (!result.ok()) FAIL(result.error().message);
  return std::move(result).value();
}

inline void must(const Status& status) {
  if (!status.ok()) FAIL(status.error().message);
}

// The blocks of the effects of one kind, as the reader tells of blocks.
inline std::vector<OwnedBlock> blocks_of(const NamespaceEffects& effects, BlockEffect::Kind kind) {
  std::vector<OwnedBlock> out;
  for (const BlockEffect& effect : effects.blocks) {
    const metadata::Block& block = effect.block;
    if (effect.kind == kind) {
      out.push_back({block.id, block.generation, block.length, effect.replication});
    }
  }
  return out;
}

class TestNamespace {
 public:
  explicit TestNamespace(std::string path, const NamespaceOptions& options = {})
      : path_(std::move(path)), options_(options) {
    reopen();
  }

  void reopen() {
    reader_.reset();
    store_.reset();
    store_ = must(NamespaceStore::open(path_, options_));
    reader_ = must(store_->open_reader());
  }

  NamespaceStore& store() { return *store_; }
  NamespaceReader& reader() { return *reader_; }

  std::string apply_entry(std::string_view entry) {
    return must(store_->apply(store_->applied() + 1, entry));
  }
  // `cluster_ms` as in encode_change().
  metadata::ChangeReply apply(const metadata::Change& change, std::int64_t cluster_ms = 0) {
    const std::string reply = apply_entry(metadata::encode_change(change, cluster_ms));
    return must(decode<metadata::ChangeReply>(reply, "reply"));
  }
  // One change and its commit; returns the only outcome.
  metadata::Outcome run(const metadata::Change& change, std::int64_t cluster_ms = 0) {
    const metadata::ChangeReply reply = apply(change, cluster_ms);
    REQUIRE(reply.outcomes.size() == 1);
    must(store_->commit_batch());
    return reply.outcomes[0];
  }

  static metadata::Change mkdir(std::string path) {
    return metadata::MakeDirectory{{}, 10, std::move(path), true, 0755, "ann", "staff"};
  }
  static metadata::Change create(std::string path, std::vector<metadata::Block> blocks = {}) {
    metadata::CommittedFile file;
    file.path = std::move(path);
    file.owner = "ann";
    file.group = "staff";
    file.block_size = 100;
    file.replication = 3;
    file.compression = "none";
    file.blocks = std::move(blocks);
    return metadata::CommitFiles{{}, 10, {file}};
  }
  static metadata::Change remove(std::string path) {
    return metadata::Remove{{}, 11, std::move(path), true};
  }

  // All that can be reached, read through listings; `page` is their limit.
  std::map<std::string, FileBlocks> tree(std::uint32_t page = 3) {
    std::map<std::string, FileBlocks> out;
    out["/"] = {must(reader_->stat("/")), {}};
    collect("", page, out);
    return out;
  }

  std::vector<metadata::FileStatus> list(const std::string& path, std::uint32_t page) {
    std::vector<metadata::FileStatus> out;
    std::string after;
    while (true) {
      const NamespaceListing listing = must(reader_->list(path, after, page));
      Decoder decoder(*listing.entries);
      for (std::uint32_t i = 0; i < listing.count; ++i) {
        REQUIRE(decoder.get(out.emplace_back()));
      }
      REQUIRE(decoder.rest().empty());
      if (!listing.more) return out;
      after = out.back().name;
    }
  }

 private:
  void collect(const std::string& path, std::uint32_t page,
               std::map<std::string, FileBlocks>& out) {
    std::string after;
    const auto listed = list(path.empty() ? "/" : path, page);
    std::size_t count = 0;
    while (true) {
      const EntryPage entries =
          must(reader_->list_with_blocks(path.empty() ? "/" : path, after, page));
      for (const FileBlocks& entry : entries.entries) {
        REQUIRE(count < listed.size());
        CHECK(listed[count++] == entry.status);
        after = entry.status.name;
        const std::string child = path + "/" + after;
        out[child] = entry;
        if (entry.status.kind == metadata::FileKind::kDirectory) collect(child, page, out);
      }
      if (!entries.more) break;
    }
    CHECK(count == listed.size());
  }

  std::string path_;
  NamespaceOptions options_;
  std::unique_ptr<NamespaceStore> store_;
  std::unique_ptr<NamespaceReader> reader_;
};

}  // namespace minidfs::storage::test
