#include "storage/sqlite.hpp"

#include "unit/storage/namespace/namespace_fixture.hpp"

namespace minidfs::storage {
namespace {

using test::must;
using test::NamespaceDirectory;

TEST_CASE("Values come back from a statement as they were bound") {
  const NamespaceDirectory directory;
  Database database = must(Database::open(directory.file(), Database::Mode::kCreate));
  must(database.execute("CREATE TABLE t(a, b, c, d)"));
  Statement insert = must(database.prepare("INSERT INTO t VALUES(?1, ?2, ?3, ?4)"));
  const std::string blob("\0\xFF", 2);
  insert.bind(1, std::int64_t{-5});
  insert.bind_text(2, "text");
  insert.bind_blob(3, blob);
  insert.bind_null(4);
  must(insert.run());
  CHECK(database.changes() == 1);
  Statement select = must(database.prepare("SELECT a, b, c, d FROM t"));
  REQUIRE(must(select.step()));
  CHECK(select.columns() == 4);
  CHECK(select.integer(0) == -5);
  CHECK(select.bytes(1) == "text");
  CHECK(select.bytes(2) == blob);
  CHECK(select.is_null(3));
  CHECK_FALSE(must(select.step()));
}

TEST_CASE("An empty text is not NULL") {
  const NamespaceDirectory directory;
  Database database = must(Database::open(directory.file(), Database::Mode::kCreate));
  Statement select = must(database.prepare("SELECT ?1 IS NULL"));
  select.bind_text(1, std::string_view());
  REQUIRE(must(select.step()));
  CHECK(select.integer(0) == 0);
}

TEST_CASE("Errors name the database and have a code") {
  const NamespaceDirectory directory;
  const std::string path = directory.file();
  const auto missing = Database::open(path, Database::Mode::kReadWrite);
  CHECK(missing.error().code == Errc::kIoError);
  CHECK_THAT(missing.error().message, Catch::StartsWith(path));
  Database database = must(Database::open(path, Database::Mode::kCreate));
  CHECK(database.prepare("SELECT nonsense").error().code == Errc::kInternal);
  must(database.execute("CREATE TABLE t(a PRIMARY KEY); INSERT INTO t VALUES(1)"));
  Statement insert = must(database.prepare("INSERT INTO t VALUES(1)"));
  CHECK_THAT(insert.run().error().message, Catch::StartsWith(path));
  Database reader = must(Database::open(path, Database::Mode::kReadOnly));
  CHECK(reader.execute("DELETE FROM t").error().code == Errc::kPermissionDenied);
  CHECK(must(reader.integer("SELECT count(*) FROM t")) == 1);
}

}  // namespace
}  // namespace minidfs::storage
