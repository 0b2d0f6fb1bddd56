// Which requests are known, over time: by the entries alone, whatever the clocks say.
#include "storage/namespace/namespace_clients.hpp"

#include "metadata/namespace_times.hpp"
#include "unit/storage/namespace/namespace_fixture.hpp"

namespace minidfs::storage {
namespace {

using metadata::born_client;
using metadata::Change;
using metadata::kClientIdleMs;
using metadata::kClientsMax;
using test::must;
using test::NamespaceDirectory;
using test::TestNamespace;

constexpr std::int64_t kYearMs = std::int64_t{365} * 24 * 3600 * 1000;
constexpr std::int64_t kNow = 1'700'000'000'000;  // The time of day when the tests begin.

Change mkdir_by(ClientId client, std::uint64_t sequence, std::string path,
                std::int64_t time_ms = kNow) {
  return metadata::MakeDirectory{
      {client, sequence, 0}, time_ms, std::move(path), false, 0755, "ann", "staff"};
}

bool is_forgotten(const metadata::Outcome& outcome) {
  return metadata::is_forgotten(metadata::ChangeReply{{outcome}});
}

// A namespace whose cluster time is moved by entries of nobody.
class Clients {
  NamespaceDirectory directory_;

 public:
  TestNamespace ns{directory_.file()};

  // The database never steps further with one entry.
  void pass(std::int64_t duration_ms) {
    for (; duration_ms > 0; duration_ms -= metadata::kClusterStepMaxMs) {
      cluster_ms_ += std::min(duration_ms, metadata::kClusterStepMaxMs);
      ns.apply(metadata::PurgeRemoved{1}, cluster_ms_);
    }
    must(ns.store().commit_batch());
  }
  metadata::Outcome run(const Change& change) { return ns.run(change, cluster_ms_); }
  std::int64_t cluster_ms() const { return cluster_ms_; }

 private:
  std::int64_t cluster_ms_ = 1;
};

TEST_CASE("A client that was silent for ten minutes is forgotten, and its request not done again") {
  Clients clients;
  auto& ns = clients.ns;
  const ClientId client = born_client(0, 1);
  CHECK(clients.run(mkdir_by(client, 1, "/a")).ok());
  clients.pass(kClientIdleMs);
  CHECK(clients.run(mkdir_by(client, 1, "/a")).ok());  // Still known.
  clients.pass(kClientIdleMs + 1);
  // Somebody else's entry is what makes it forgotten.
  const ClientId other = born_client(clients.cluster_ms(), 2);
  CHECK(clients.run(mkdir_by(other, 1, "/b")).ok());
  if (GENERATE(false, true)) ns.reopen();
  CHECK(clients.run(TestNamespace::remove("/a")).ok());
  CHECK(is_forgotten(clients.run(mkdir_by(client, 1, "/a"))));
  CHECK(is_forgotten(clients.run(mkdir_by(client, 2, "/c"))));
  // Also for those who ask before they judge it anew.
  const auto kept = must(ns.reader().kept_reply({client, 1, 0}));
  REQUIRE(kept.has_value());
  CHECK(metadata::is_forgotten(*kept));
  CHECK_FALSE(must(ns.reader().kept_reply({born_client(clients.cluster_ms(), 3), 1, 0})));
  CHECK_FALSE(ns.reader().stat("/a").ok());
  CHECK_FALSE(ns.reader().stat("/c").ok());
  // Under a new id it goes on.
  CHECK(clients.run(mkdir_by(born_client(clients.cluster_ms(), 3), 1, "/c")).ok());
}

TEST_CASE("A client that was born before others were forgotten and never seen is told so") {
  Clients clients;
  clients.pass(5000);
  const ClientId early = born_client(clients.cluster_ms(), 1);
  clients.pass(5000);
  CHECK(clients.run(mkdir_by(born_client(clients.cluster_ms(), 2), 1, "/a")).ok());
  clients.pass(kClientIdleMs + 1);
  const ClientId late = born_client(clients.cluster_ms(), 3);
  CHECK(clients.run(mkdir_by(late, 1, "/b")).ok());
  // Whether it had a request before, which was forgotten, nobody knows.
  CHECK(is_forgotten(clients.run(mkdir_by(early, 1, "/c"))));
}

TEST_CASE("A client from what a restored namespace does not hold any more has to take another id") {
  Clients clients;
  clients.pass(5000);
  const ClientId later = born_client(clients.cluster_ms() + 1, 1);
  CHECK(is_forgotten(clients.run(mkdir_by(later, 1, "/a"))));
  CHECK_FALSE(clients.ns.reader().stat("/a").ok());
  must(clients.ns.store().commit_batch());
  const auto kept = must(clients.ns.reader().kept_reply({later, 1, 0}));
  REQUIRE(kept.has_value());
  CHECK(metadata::is_forgotten(*kept));
  // An entry of version 1 has no time, and its client's id no birth.
  CHECK(clients.ns.run(mkdir_by(ClientId{~std::uint64_t{0}, 1}, 1, "/old")).ok());
}

TEST_CASE("A clock that jumps by years makes nobody forgotten and nothing done twice") {
  Clients clients;
  auto& ns = clients.ns;
  const ClientId client = born_client(0, 1);
  const metadata::Outcome made = clients.run(mkdir_by(client, 1, "/a"));
  CHECK(made.ok());
  std::uint64_t other = 2;
  for (const std::int64_t years : {10, -10, 3, -30}) {
    const auto path = "/other" + std::to_string(other);
    CHECK(clients
              .run(mkdir_by(born_client(clients.cluster_ms(), other++), 1, path,
                            kNow + years * kYearMs))
              .ok());
    ns.reopen();
    CHECK(clients.run(mkdir_by(client, 1, "/a")).value == made.value);
  }
  CHECK(must(ns.reader().stat("/a")).modified_ms == kNow);
}

TEST_CASE("A cluster time that jumps counts for two seconds") {
  Clients clients;
  const ClientId client = born_client(0, 1);
  CHECK(clients.run(mkdir_by(client, 1, "/a")).ok());
  CHECK(clients.ns.run(mkdir_by(born_client(0, 2), 1, "/b"), kYearMs).ok());
  CHECK(must(clients.ns.reader().cluster_ms()) == 1 + metadata::kClusterStepMaxMs);
  CHECK(clients.run(mkdir_by(client, 1, "/a")).ok());
}

TEST_CASE("Times of files never go back") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  const auto modified = [&](const std::string& path) {
    return must(ns.reader().stat(path)).modified_ms;
  };
  ns.run(mkdir_by({}, 0, "/a", kNow));
  ns.run(mkdir_by({}, 0, "/b", kNow + 10 * kYearMs));
  ns.run(mkdir_by({}, 0, "/c", kNow - kYearMs));
  ns.reopen();
  ns.run(mkdir_by({}, 0, "/d", kNow + 1));
  CHECK(modified("/a") == kNow);
  for (const char* path : {"/b", "/c", "/d", "/"}) CHECK(modified(path) == kNow + 10 * kYearMs);
}

TEST_CASE("Of too many clients the one that was silent longest is forgotten") {
  Clients clients;
  auto& ns = clients.ns;
  const auto client = [](std::uint64_t number) { return born_client(0, number); };
  CHECK(clients.run(mkdir_by(client(1), 1, "/a")).ok());
  clients.pass(1);
  CHECK(clients.run(mkdir_by(client(2), 1, "/b")).ok());
  clients.pass(1);
  for (std::uint64_t number = 3; number <= kClientsMax; ++number) {
    ns.apply(mkdir_by(client(number), 1, "/"), clients.cluster_ms());
  }
  CHECK(clients.run(mkdir_by(client(1), 1, "/a")).ok());
  clients.run(mkdir_by(born_client(clients.cluster_ms(), 1), 1, "/"));
  CHECK(clients.run(mkdir_by(client(1), 1, "/a")).ok());
  CHECK(is_forgotten(clients.run(mkdir_by(client(2), 1, "/b"))));
  ns.reopen();
  CHECK(is_forgotten(clients.run(mkdir_by(client(2), 1, "/b"))));
}

// The replay of any part of the log over the database of before comes to the same answers: each
// prefix is committed and closed, the rest is applied afterwards.
TEST_CASE("A started namespace comes to the same answers about clients") {
  std::vector<std::string> entries;
  std::int64_t cluster_ms = 1;
  std::uint64_t made = 0;
  const auto add = [&](const Change& change, std::int64_t passed_ms) {
    entries.push_back(metadata::encode_change(change, cluster_ms += passed_ms));
  };
  const ClientId one = born_client(0, 1);
  add(mkdir_by(one, 1, "/one"), 10);
  for (int i = 0; i < 310; ++i) {
    const bool writes = i % 50 == 0;
    const ClientId client = born_client(cluster_ms, 100 + static_cast<std::uint64_t>(i));
    const auto path = "/" + std::to_string(made++);
    add(writes ? mkdir_by(client, 1, path, kNow + i * kYearMs) : metadata::PurgeRemoved{1}, 2000);
  }
  add(mkdir_by(born_client(cluster_ms, 2), 1, "/two"), 10);
  add(mkdir_by(one, 1, "/one"), 10);
  add(mkdir_by(one, 2, "/three"), 10);

  const auto answers_with_restart_at = [&](std::size_t restart) {
    const NamespaceDirectory directory;
    TestNamespace ns(directory.file());
    std::vector<std::string> answers;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i == restart) {
        must(ns.store().commit_batch());
        ns.reopen();
      }
      answers.push_back(ns.apply_entry(entries[i]));
    }
    return answers;
  };
  const auto expected = answers_with_restart_at(entries.size());
  const auto last = must(decode<metadata::ChangeReply>(expected.back(), "reply"));
  CHECK(metadata::is_forgotten(last));
  for (std::size_t restart : {std::size_t{1}, std::size_t{100}, entries.size() - 3,
                              entries.size() - 2, entries.size() - 1}) {
    CAPTURE(restart);
    CHECK(answers_with_restart_at(restart) == expected);
  }
}

}  // namespace
}  // namespace minidfs::storage
