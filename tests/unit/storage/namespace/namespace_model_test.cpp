// The namespace in SQLite against a naive one, over random changes in random batches.
#include "unit/metadata/namespace_model.hpp"

#include <map>
#include <random>
#include <set>

#include "storage/sqlite.hpp"
#include "unit/storage/namespace/namespace_fixture.hpp"

namespace minidfs::storage {
namespace {

using metadata::Change;
using metadata::ChangeReply;
using metadata::RequestId;
using test::must;
using test::NamespaceDirectory;
using test::TestNamespace;

const RequestId* request_of(const Change& change) {
  return std::visit(
      [](const auto& x) -> const RequestId* {
        if constexpr (requires { x.request; }) {
          return &x.request;
        } else {
          return nullptr;
        }
      },
      change);
}

void check_same(const ChangeReply& reply, const ChangeReply& expected, bool compare_values) {
  REQUIRE(reply.outcomes.size() == expected.outcomes.size());
  for (std::size_t i = 0; i < expected.outcomes.size(); ++i) {
    INFO(reply.outcomes[i].message);
    REQUIRE(reply.outcomes[i].code == expected.outcomes[i].code);
    if (compare_values) REQUIRE(reply.outcomes[i].value == expected.outcomes[i].value);
  }
}

std::set<std::uint64_t> owned_blocks(NamespaceReader& reader) {
  std::set<std::uint64_t> ids;
  std::uint64_t next = 0;
  while (true) {
    const auto page = must(reader.blocks_between(BlockId{next}, BlockId{~0ULL}, 7));
    if (page.empty()) return ids;
    for (const OwnedBlock& block : page) ids.insert(block.id.value);
    next = page.back().id.value + 1;
  }
}

void check_state(TestNamespace& ns, const metadata::test::NamespaceModel& model) {
  const auto expected = model.entries();
  const auto tree = ns.tree();
  REQUIRE(tree.size() == expected.size());
  for (const auto& [path, entry] : expected) {
    CAPTURE(path);
    REQUIRE(tree.count(path) == 1);
    CHECK(tree.at(path).status == entry.status);
    CHECK(tree.at(path).blocks == entry.blocks);
    CHECK(must(ns.reader().stat(path)) == entry.status);
    CHECK(must(ns.reader().path_of(entry.status.id)) == path);
    std::uint64_t offset = 0;
    for (const auto& block : entry.blocks) {
      CHECK(must(ns.reader().owner_of(block.id)) == entry.status.id);
      // By its first byte, and by its last one.
      for (const auto byte : {offset, offset + block.length - 1}) {
        const auto found = must(ns.reader().file_blocks(path, byte, 1));
        CHECK(found.offset == offset);
        CHECK(found.blocks == std::vector{block});
      }
      offset += block.length;
    }
  }
}

// Once everything removed is purged, the counters are those of what can be reached.
void check_counters(TestNamespace& ns, const metadata::test::NamespaceModel& model) {
  NamespaceCounters expected;
  for (const auto& [path, entry] : model.entries()) {
    const bool is_file = entry.status.kind == metadata::FileKind::kFile;
    ++(is_file ? expected.files : expected.directories);
    expected.bytes += entry.status.length;
  }
  expected.blocks = model.blocks().size();  // With what is staged.
  CHECK(must(ns.reader().counters()) == expected);
  CHECK(owned_blocks(ns.reader()) == model.blocks());
}

// Keeps track of the blocks that are owned, in the order of the effects.
void follow(const NamespaceEffects& effects, std::set<std::uint64_t>& owned) {
  for (const BlockEffect& effect : effects.blocks) {
    const std::uint64_t id = effect.block.id.value;
    if (effect.kind == BlockEffect::Kind::kAdded) CHECK(owned.insert(id).second);
    if (effect.kind == BlockEffect::Kind::kFreed) CHECK(owned.erase(id) == 1);
    if (effect.kind == BlockEffect::Kind::kRetargeted) CHECK(owned.count(id) == 1);
  }
}

TEST_CASE("Random changes in random batches end as in a naive namespace, reopened or not") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(1, 9)));
  CAPTURE(seed);
  const NamespaceDirectory directory;
  NamespaceOptions options;
  options.wal_limit_bytes = 100'000;
  TestNamespace ns(directory.file(), options);
  metadata::test::NamespaceModel model;
  metadata::test::RandomChanges changes(seed, true, &model);
  std::mt19937_64 random(seed);
  std::map<std::pair<ClientId, std::uint64_t>, std::string> answered;
  std::set<std::uint64_t> owned;

  for (int step = 0; step < 1200; ++step) {
    CAPTURE(step);
    const Change change = changes.next();
    const std::string reply = ns.apply_entry(metadata::encode_change(change));
    const RequestId* request = request_of(change);
    const bool known = request != nullptr && !request->client.is_none();
    const auto first = known ? answered.find({request->client, request->sequence}) : answered.end();
    if (first != answered.end()) {
      REQUIRE(reply == first->second);
    } else {
      check_same(must(decode<ChangeReply>(reply, "reply")), model.apply(change),
                 !std::holds_alternative<metadata::PurgeRemoved>(change));
      if (known) answered[{request->client, request->sequence}] = reply;
    }
    if (random() % 8 != 0) continue;
    must(ns.store().commit_batch());
    follow(ns.store().take_effects(), owned);
    if (random() % 20 == 0) check_state(ns, model);
    if (random() % 40 == 0) must(ns.store().make_durable());
    if (random() % 40 == 0) ns.reopen();
  }
  const Change purge = metadata::PurgeRemoved{1'000'000};
  ns.run(purge);
  model.apply(purge);
  follow(ns.store().take_effects(), owned);
  check_state(ns, model);
  check_counters(ns, model);
  CHECK(owned == model.blocks());
}

// Every row of every table, as text.
std::string dump(const std::string& path) {
  Database database = must(Database::open(path, Database::Mode::kReadOnly));
  std::string out;
  for (const char* table : {"state", "name", "dentry", "block", "removed", "client", "node_admin",
                            "staged", "leadership", "retired", "leadership_began", "past_life",
                            "given_up_mark", "retargeted", "run"}) {
    Statement rows = must(database.prepare(std::string("SELECT * FROM ") + table));
    while (must(rows.step())) {
      out += table;
      for (int column = 0; column < rows.columns(); ++column) {
        out += '|';
        out += rows.bytes(column);
      }
      out += '\n';
    }
  }
  return out;
}

TEST_CASE("Two members that batch differently hold the same rows") {
  const NamespaceDirectory directory;
  TestNamespace one(directory.file("one.db"));
  TestNamespace two(directory.file("two.db"));
  metadata::test::NamespaceModel model;
  metadata::test::RandomChanges changes(99, true, &model);
  std::mt19937_64 random(99);
  for (int step = 0; step < 1500; ++step) {
    const Change change = changes.next();
    const std::string entry = metadata::encode_change(change);
    REQUIRE(one.apply_entry(entry) == two.apply_entry(entry));
    model.apply(change);  // Some that are asked again are done twice here, which does not matter.
    must(one.store().commit_batch());
    if (random() % 100 == 0) must(two.store().commit_batch());
    if (random() % 200 == 0) {
      must(two.store().commit_batch());
      two.reopen();
    }
  }
  must(two.store().commit_batch());
  CHECK(dump(directory.file("one.db")) == dump(directory.file("two.db")));
}

}  // namespace
}  // namespace minidfs::storage
