#include "history/history_file.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "history/history_writer.hpp"
#include "history/linearizability.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::history {
namespace {

RecordedRun read(const std::string& lines) {
  RecordedRun run;
  const auto status = read_client("client-3", "minidfs-history 1 3\n" + lines, run);
  INFO((status.ok() ? "" : status.error().message));
  REQUIRE(status.ok());
  return run;
}

std::string refusal(const std::string& text) {
  RecordedRun run;
  const auto status = read_client("client-3", text, run);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == Errc::kCorrupt);
  return status.error().message;
}

TEST_CASE("What clients write is read back, each directory for itself") {
  const test::TemporaryDirectory directory;
  {
    HistoryWriter first(directory.path() + "/client-1", 1);
    HistoryWriter second(directory.path() + "/client-2", 2);
    first.call("/x", "create a 1");
    first.returned("done");
    second.call("/x", "list");
    second.returned("listed a=1");
    second.call("/y", "stat a");
    second.returned("notfound");
    first.call("/x", "stat a");
    first.returned("found 1");
  }
  const auto run = read_run(directory.path());
  REQUIRE(run.ok());
  REQUIRE(run->directories.size() == 2);
  const auto& history = run->directories.at("/x");
  REQUIRE(history.operations.size() == 3);
  CHECK(history.operations[0].client == 1);
  CHECK(history.operations[0].called <= history.operations[0].returned);
  CHECK(judge(history) == Verdict::kLinearizable);
  CHECK(judge(run->directories.at("/y")) == Verdict::kLinearizable);
}

TEST_CASE("A call without a return, or with an error, is unknown and told of") {
  const auto run = read(
      "> 10 /d create a 1\n< 20 unknown no answer within 10 s\n"
      "> 30 /d stat a\n< 40 unknown no answer\n"
      "> 50 /d remove a\n");
  const auto& operations = run.directories.at("/d").operations;
  REQUIRE(operations.size() == 2);
  CHECK(operations[0].answer == Answer::kUnknown);
  CHECK(operations[0].returned == kNever);
  CHECK(operations[1].action == Action::kRemove);
  CHECK(operations[1].answer == Answer::kUnknown);
  CHECK(run.failures ==
        std::vector<std::string>{"client 3: 10 /d create a 1: no answer within 10 s",
                                 "client 3: 30 /d stat a: no answer",
                                 "client 3: 50 /d remove a: no return"});
}

TEST_CASE("A last line that was cut off counts for nothing") {
  const auto run = read("> 10 /d create a 1\n< 20 done\n> 30 /d crea");
  CHECK(run.directories.at("/d").operations.size() == 1);
  CHECK(run.failures.empty());
}

TEST_CASE("What is no history is refused with its line") {
  CHECK(refusal("").find("no history of version 1") != std::string::npos);
  CHECK(refusal("minidfs-history 2 1\n").find("no history of version 1") != std::string::npos);
  const std::string head = "minidfs-history 1 3\n";
  CHECK(refusal(head + "< 10 done\n") == "client-3:2: is a return, but nothing was called");
  CHECK(refusal(head + "> 10 /d list\n> 11 /d list\n") ==
        "client-3:3: is a call, but the last one has not returned");
  CHECK(refusal(head + "> 10 /d list\n< 9 listed\n") == "client-3:3: returns before the call");
  CHECK(refusal(head + "> 10 /d list\n< 11 found 3\n") ==
        "client-3:3: is no answer to its call: found");
  CHECK(refusal(head + "> 10 /d create a\n") == "client-3:2: has no value");
  CHECK(refusal(head + "> 10 /d chmod a\n") == "client-3:2: calls for what is not known: chmod");
  CHECK(refusal(head + "hello\n") == "client-3:2: is neither a call nor a return");
}

TEST_CASE("A leadership counts when a read overlapped a change in it") {
  auto run = read(
      "> 10 /d create a 1\n< 100 done\n"
      "> 110 /d create b 2\n< 200 done\n"
      "> 210 /d create c 3\n< 300 done\n");
  REQUIRE(read_client("client-4",
                      "minidfs-history 1 4\n"
                      "> 50 /d stat a\n< 60 notfound\n"
                      "> 102 /d stat a\n< 108 found 1\n"
                      "> 150 /e stat a\n< 160 notfound\n"
                      "> 240 /d stat a\n< 250 found 1\n",
                      run)
              .ok());
  REQUIRE(read_leaderships("leaderships",
                           "0 105 1 n1\n"     // create a and the first stat.
                           "106 205 2 n2\n"   // In another directory only.
                           "206 245 3 n1\n"   // The last stat has begun.
                           "246 249 4 n1\n"   // Both are under way.
                           "260 400 5 n2\n",  // No read.
                           run)
              .ok());
  CHECK(run.leaderships.size() == 5);
  CHECK(telling_leaderships(run) == 3);
  CHECK_FALSE(read_leaderships("leaderships", "1 2 three n1\n", run).ok());
}

}  // namespace
}  // namespace minidfs::history
