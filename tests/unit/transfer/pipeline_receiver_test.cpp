#include "transfer/pipeline_receiver.hpp"

#include "receiver_script.hpp"

namespace minidfs::transfer {
namespace {

const std::vector<DiskAge> kSlow{{1, milliseconds(999)}};
const std::vector<DiskAge> kHangs{{1, milliseconds(1000)}};
const std::vector<DiskAge> kSecondHangs{{1, milliseconds(30)}, {2, milliseconds(1000)}};

}  // namespace

TEST_CASE("A last target stores what arrives and acknowledges it when its disk has it") {
  play({"one block in two inputs",
        0,
        {{PipelineOpened{}, "receive 1"},
         {InputArrived{1}, ""},
         {begin(7), "create 1 for 7"},
         {SlicesBegun{false}, ""},
         {slices(1), "append 1"},
         {InputTaken{1, 0}, "release 1"},
         {InputReleased{1}, "receive 2 in block"},
         {InputArrived{2}, ""},
         {slices(2), "append 1"},
         {end(3), "store 1"},
         {InputTaken{2, 0}, "release 2"},
         {InputReleased{2}, "receive 3"},
         {ReplicaStored{1, 99}, "ack 7 of 99, ok"},
         {InputEnded{3}, "close"}}});
}

TEST_CASE("Acks keep the order of the blocks and wait for the disk and the next node") {
  const std::vector<ScriptStep> two_blocks{{PipelineOpened{}, "connect"},
                                           {NextConnected{}, "receive 1"},
                                           {InputArrived{1}, ""},
                                           {begin(7), "create 1 for 7"},
                                           {SlicesBegun{true}, ""},
                                           {slices(1), "forward; append 1"},
                                           {end(1), "store 1"},
                                           {begin(8), "create 2 for 8"},
                                           {SlicesBegun{true}, ""},
                                           {slices(1, 100), "append 2"},
                                           {end(1), "store 2"},
                                           {InputTaken{1, 5}, "release 1 forwarded"},
                                           {InputReleased{1}, "receive 2"}};
  const auto with = [&](const char* title, std::vector<ScriptStep> rest) {
    Script script{title, 1, two_blocks};
    for (auto& step : rest) script.steps.push_back(std::move(step));
    play(script);
  };
  with("the second disk is the first",
       {{ReplicaStored{2, 5}, ""},
        {next_acked(7), ""},
        {next_acked(8), ""},
        {ReplicaStored{1, 9}, "ack 7 of 9, ok, ok; ack 8 of 5, ok, ok"}});
  with("the next node is the last",
       {{ReplicaStored{1, 9}, ""},
        {ReplicaStored{2, 5}, ""},
        {next_acked(7, {Errc::kNoSpace}), "ack 7 of 9, ok, no space left"},
        {next_acked(8), "ack 8 of 5, ok, ok"}});
  with("the next node has more of it",
       {{next_acked(7, {Errc{0}}, 40), ""}, {ReplicaStored{1, 9}, "ack 7 of 9, ok, ok"}});
  with("the next node fails", {{next_acked(7), ""},
                               {ReplicaStored{1, 9}, "ack 7 of 9, ok, ok"},
                               {next_failed(), "hang up"},
                               {ReplicaStored{2, 5}, "ack 8 of 5, ok, unavailable"}});
  with("a disk that was given up is not believed any more",
       {{tick(kHangs), "abandon 1"},
        {ReplicaStored{1, 9}, ""},
        {next_acked(7), "ack 7, timed out, ok"}});
  with("the end comes before the acks", {{InputEnded{2}, "end sending"},
                                         {tick(), "alive 0", milliseconds(100)},
                                         {ReplicaStored{1, 9}, ""},
                                         {ReplicaStored{2, 5}, ""},
                                         {next_acked(7), "ack 7 of 9, ok, ok"},
                                         {next_acked(8), "ack 8 of 5, ok, ok; hang up; close"}});
}

TEST_CASE("What answers an earlier input, block or node changes nothing") {
  play({"inputs",
        0,
        {{InputArrived{0}, ""},
         {PipelineOpened{}, "receive 1"},
         {InputArrived{2}, ""},
         {InputEnded{0}, ""},
         {MemoryDenied{2, {Errc::kUnavailable, "no memory"}}, ""},
         {begin(7), ""},  // Nothing has arrived.
         {InputArrived{1}, ""},
         {InputEnded{1}, ""},
         {InputTaken{0, 0}, ""},
         {InputTaken{1, 0}, "release 1"},
         {InputReleased{0}, ""},
         {InputReleased{1}, "receive 2"},
         {InputReleased{1}, ""},
         {InputArrived{1}, ""},
         {InputEnded{2}, "close"},
         {InputEnded{2}, ""},
         {WriterGone{}, ""}}});
  play({"a disk that was given up, for a block that is begun again",
        0,
        {{PipelineOpened{}, "receive 1"},
         {InputArrived{1}, ""},
         {begin(7), "create 1 for 7"},
         {tick(kHangs), "abandon 1; lost 7 at 0, timed out"},
         {end(0), "ack 7, timed out"},
         {begin(7), "create 2 for 7"},
         {replica_lost(1), ""},
         {ReplicaStored{1, 9}, ""},
         {end(0), "store 2"},
         {ReplicaStored{1, 9}, ""},
         {tick(kSecondHangs), "abandon 2; ack 7, timed out"},
         {ReplicaStored{2, 9}, ""},
         {replica_lost(2), ""}}});
  play({"a next node that was given up",
        1,
        {{PipelineOpened{}, "connect"},
         {next_failed(), "hang up; receive 1"},
         {NextConnected{}, ""},
         {InputArrived{1}, ""},
         {begin(7), "create 1 for 7; lost 7 at 1, unavailable"},
         {next_lost(7, 0), ""},
         {next_failed(), ""},
         {next_acked(7), ""},
         {NextAlive{milliseconds(5000)}, ""}}});
}

TEST_CASE("A target that is lost in the middle of a block is told once, and the others go on") {
  const std::vector<ScriptStep> open{{PipelineOpened{}, "connect"},
                                     {NextConnected{}, "receive 1"},
                                     {InputArrived{1}, ""},
                                     {begin(7), "create 1 for 7"},
                                     {SlicesBegun{false}, ""}};
  const auto with = [&](const char* title, std::vector<ScriptStep> rest) {
    Script script{title, 2, open};
    for (auto& step : rest) script.steps.push_back(std::move(step));
    play(script);
  };
  with("the own disk", {{replica_lost(1), "abandon 1; lost 7 at 0, no space left"},
                        {replica_lost(1), ""},
                        {slices(1), "forward"},
                        {end(1), ""},
                        {next_acked(7, {Errc{0}, Errc{0}}), "ack 7, no space left, ok, ok"}});
  with("slices with a wrong checksum",
       {{bad_slices(), "forward; abandon 1; lost 7 at 0, corrupt"}, {bad_slices(), "forward"}});
  with("one behind the next", {{next_lost(7, 1), "lost 7 at 2, input/output error"},
                               {next_failed(), "hang up; lost 7 at 1, unavailable"},
                               {slices(1), "append 1"},
                               {end(1), "store 1"},
                               {ReplicaStored{1, 3}, "ack 7 of 3, ok, unavailable, unavailable"}});
  with("after the end the ack tells it", {{end(0), "store 1"},
                                          {next_lost(7, 1), ""},
                                          {next_failed(), "hang up"},
                                          {begin(8),
                                           "create 2 for 8; lost 8 at 1, unavailable; "
                                           "lost 8 at 2, unavailable"},
                                          {end(0), "store 2"},
                                          {begin(9), "create 3 for 9"}});
}

TEST_CASE("A next node that breaks the protocol is given up") {
  const auto broken = [](const char* title, ReceiverEvent event) {
    play({title,
          1,
          {{PipelineOpened{}, "connect"},
           {NextConnected{}, "receive 1"},
           {InputArrived{1}, ""},
           {begin(7), "create 1 for 7"},
           {end(0), "store 1"},
           {begin(8), "create 2 for 8"},
           {std::move(event), "hang up; lost 8 at 1, protocol error"}}});
  };
  broken("an ack of a block that is open", next_acked(8));
  broken("an ack of another block", next_acked(6));
  broken("an ack of two targets", next_acked(7, {Errc{0}, Errc{0}}));
  broken("a target that does not exist", next_lost(8, 1));
  broken("a loss of another block", next_lost(6, 0));
  play({"a loss that comes twice",
        1,
        {{PipelineOpened{}, "connect"},
         {NextConnected{}, "receive 1"},
         {InputArrived{1}, ""},
         {begin(7), "create 1 for 7"},
         {next_lost(7, 0), "lost 7 at 1, input/output error"},
         {next_lost(7, 0), "hang up"}}});
}

TEST_CASE("A writer that breaks the protocol is refused after what it sent before was passed on") {
  const auto refused = [](const char* title, std::vector<ScriptStep> bad, std::string last) {
    Script script{
        title,
        1,
        {{PipelineOpened{}, "connect"}, {NextConnected{}, "receive 1"}, {InputArrived{1}, ""}}};
    for (auto& step : bad) script.steps.push_back(std::move(step));
    script.steps.push_back({begin(9), ""});  // Nothing more is taken.
    script.steps.push_back({InputTaken{1, 4}, "release 1 forwarded"});
    script.steps.push_back({InputReleased{1}, std::move(last)});
    play(script);
  };
  const std::string closed = "end sending; hang up; close, protocol error";
  refused("a block in a block", {{begin(7), "create 1 for 7"}, {begin(8), ""}},
          "abandon 1; " + closed);
  refused("slices outside a block", {{SlicesBegun{false}, ""}}, closed);
  refused("an end without a block", {{end(0), ""}}, closed);
  refused("an end that counts wrongly",
          {{begin(7), "create 1 for 7"},
           {SlicesBegun{false}, ""},
           {slices(1), "forward; append 1"},
           {end(2), ""}},
          "abandon 1; " + closed);
  refused("an end of another length",
          {{begin(7), "create 1 for 7"},
           {SlicesBegun{false}, ""},
           {slices(1), "forward; append 1"},
           {EndBlock{1, 5}, ""}},
          "abandon 1; " + closed);
  refused("slices after a short one",
          {{begin(7), "create 1 for 7"},
           {SlicesBegun{true}, ""},
           {slices(1), "forward; append 1"},
           {SlicesBegun{false}, ""}},
          "abandon 1; " + closed);
  refused("bytes that are no frame", {{BadFrame{{Errc::kProtocol, "no frame"}}, ""}}, closed);
  play({"what was ended is answered before",
        0,
        {{PipelineOpened{}, "receive 1"},
         {InputArrived{1}, ""},
         {begin(7), "create 1 for 7"},
         {end(0), "store 1"},
         {BadFrame{{Errc::kProtocol, "no frame"}}, ""},
         {InputTaken{1, 0}, "release 1"},
         {InputReleased{1}, ""},
         {ReplicaStored{1, 2}, "ack 7 of 2, ok; close, protocol error"}}});
}

TEST_CASE("Nothing is read while the answers or the disk are behind") {
  play({"the writer does not read",
        0,
        {{BrakesChanged{{true, false}}, ""},
         {PipelineOpened{}, "expect taken"},
         {BrakesChanged{{true, true}}, ""},
         {BrakesChanged{{false, true}}, "expect nothing; receive 1"},
         {BrakesChanged{{true, false}}, ""},
         {InputArrived{1}, ""},
         {InputTaken{1, 0}, "release 1"},
         {InputReleased{1}, "expect taken"},
         {WriterGone{}, "expect nothing; close"}}});
  play({"the disk of the open block",
        0,
        {{PipelineOpened{}, "receive 1"},
         {InputArrived{1}, ""},
         {begin(7), "create 1 for 7"},
         {BrakesChanged{{false, true}}, ""},
         {InputTaken{1, 0}, "release 1"},
         {InputReleased{1}, ""},
         {replica_lost(1), "abandon 1; lost 7 at 0, no space left; receive 2 in block"}}});
  Script many{"blocks that wait for their answers",
              0,
              {{PipelineOpened{}, "receive 1"}, {InputArrived{1}, ""}}};
  for (std::uint64_t i = 1; i <= 512; ++i) {
    many.steps.push_back({begin(i), "create " + std::to_string(i) + " for " + std::to_string(i)});
    many.steps.push_back({end(0), "store " + std::to_string(i)});
  }
  many.steps.push_back({InputTaken{1, 0}, "release 1"});
  many.steps.push_back({InputReleased{1}, ""});
  many.steps.push_back({ReplicaStored{1, 1}, "ack 1 of 1, ok; receive 2"});
  play(many);
}

TEST_CASE("Without files to spare a pipeline has one at a time, and packed blocks need none") {
  const auto packed = [](std::uint64_t block) { return BeginBlock{BlockId{block}, 1, 1U << 20U}; };
  play({"its own",
        0,
        {{BrakesChanged{{false, false, true}}, ""},
         {PipelineOpened{}, "receive 1"},
         {InputArrived{1}, ""},
         {begin(7), "create 1 for 7"},
         {InputTaken{1, 0}, "release 1"},
         {InputReleased{1}, "receive 2 in block"},
         {InputArrived{2}, ""},
         {end(0), "store 1"},
         {InputTaken{2, 0}, "release 2"},
         {InputReleased{2}, ""},
         {ReplicaStored{1, 1}, "ack 7 of 1, ok; receive 3"},
         {InputArrived{3}, ""},
         {begin(8), "create 2 for 8"},
         {end(0), "store 2"},
         {InputTaken{3, 0}, "release 3"},
         {InputReleased{3}, ""},
         {BrakesChanged{{false, false, false}}, "receive 4"}}});
  play({"packed blocks",
        0,
        {{BrakesChanged{{false, false, true}}, ""},
         {PipelineOpened{}, "receive 1"},
         {InputArrived{1}, ""},
         {packed(7), "create 1 for 7"},
         {end(0), "store 1"},
         {packed(8), "create 2 for 8"},
         {end(0), "store 2"},
         {InputTaken{1, 0}, "release 1"},
         {InputReleased{1}, "receive 2"}}});
  play({"a replica that was lost",
        0,
        {{BrakesChanged{{false, false, true}}, ""},
         {PipelineOpened{}, "receive 1"},
         {InputArrived{1}, ""},
         {begin(7), "create 1 for 7"},
         {end(0), "store 1"},
         {InputTaken{1, 0}, "release 1"},
         {InputReleased{1}, ""},
         {replica_lost(1), "abandon 1; ack 7, no space left; receive 2"}}});
}

TEST_CASE("A pipeline without a file to spare stops between two blocks of one input") {
  PipelineReceiver receiver(script_limits(), {}, {});
  const auto happens = [&](ReceiverEvent event) { receiver.step(std::move(event), {}); };
  happens(PipelineOpened{});
  happens(InputArrived{1});
  happens(begin(7));
  happens(BrakesChanged{{false, false, true}});
  CHECK_FALSE(receiver.pauses());  // Its end is awaited.
  happens(end(0));
  CHECK(receiver.pauses());
  happens(ReplicaStored{1, 1});
  CHECK_FALSE(receiver.pauses());
}

TEST_CASE("A pipeline without memory or without a writer abandons what is open") {
  const std::vector<ScriptStep> half{{PipelineOpened{}, "connect"},
                                     {NextConnected{}, "receive 1"},
                                     {InputArrived{1}, ""},
                                     {begin(7), "create 1 for 7"},
                                     {end(0), "store 1"},
                                     {begin(8), "create 2 for 8"},
                                     {InputTaken{1, 9}, "release 1 forwarded"},
                                     {InputReleased{1}, "receive 2 in block"}};
  const auto with = [&](const char* title, std::vector<ScriptStep> rest) {
    Script script{title, 1, half};
    for (auto& step : rest) script.steps.push_back(std::move(step));
    play(script);
  };
  with("no memory", {{MemoryDenied{2, {Errc::kUnavailable, "no memory"}}, "abandon 2; end sending"},
                     {next_acked(7), ""},
                     {ReplicaStored{1, 2}, "ack 7 of 2, ok, ok; hang up; close, unavailable"}});
  with("the end in the middle of a block",
       {{InputEnded{2}, "abandon 2; end sending"},
        {ReplicaStored{1, 2}, ""},
        {next_failed(), "hang up; ack 7 of 2, ok, unavailable; close"}});
  with("the connection is closed", {{WriterGone{}, "abandon 2; end sending; hang up; close"},
                                    {ReplicaStored{1, 2}, ""},
                                    {next_acked(7), ""},
                                    {tick(), "", milliseconds(100)}});
}

TEST_CASE("Signs of life tell the age of the disk while there is something to wait for") {
  play({"ages",
        0,
        {{PipelineOpened{}, "receive 1"},
         {tick(), "", milliseconds(500)},  // Idle.
         {InputArrived{1}, ""},
         {begin(7), "create 1 for 7"},
         {tick(kSlow), "alive 999"},
         {tick(), "", milliseconds(99)},
         {tick(), "alive 0", milliseconds(1)},
         {Tick{kSlow, true}, "", milliseconds(100)},  // The writer has not read the last one.
         {tick(kHangs), "abandon 1; lost 7 at 0, timed out; alive 0", milliseconds(100)},
         {end(0), "ack 7, timed out"},
         {begin(8), "create 2 for 8"},
         {end(0), "store 2"},
         {tick(kSecondHangs), "abandon 2; ack 8, timed out"}}});
  play({"while the next node is being connected",
        1,
        {{PipelineOpened{}, "connect"}, {tick(), "alive 0", milliseconds(100)}}});
}

TEST_CASE("A next node that is silent or hangs is given up within its time-out") {
  const std::vector<ScriptStep> open{{PipelineOpened{}, "connect"},
                                     {NextConnected{}, "receive 1"},
                                     {InputArrived{1}, ""},
                                     {begin(7), "create 1 for 7"}};
  const auto with = [&](const char* title, std::vector<ScriptStep> rest) {
    Script script{title, 1, open};
    for (auto& step : rest) script.steps.push_back(std::move(step));
    play(script);
  };
  with("silent", {{tick(), "alive 0", milliseconds(500)},
                  {tick(), "hang up; lost 7 at 1, timed out", milliseconds(1)}});
  with("alive", {{NextAlive{milliseconds(0)}, "", milliseconds(500)},
                 {tick(), "alive 0", milliseconds(500)}});
  with("its disk hangs", {{NextAlive{milliseconds(999)}, ""},
                          {NextAlive{milliseconds(1000)}, "hang up; lost 7 at 1, timed out"}});
  with("this process stood still",
       {{Excused{}, "", milliseconds(9000)}, {tick(), "alive 0", milliseconds(500)}});
  play({"no answer to connect",
        1,
        {{PipelineOpened{}, "connect"},
         {tick(), "alive 0", milliseconds(199)},
         {tick(), "hang up; receive 1", milliseconds(2)}}});
}

TEST_CASE("A node is the more patient with its writer the more nodes are between them") {
  const auto patience = [](std::uint8_t ahead) {
    OpenPipeline pipeline;
    pipeline.ahead = ahead;
    PipelineReceiver receiver(script_limits(), pipeline, {});
    return std::get<Receive>(receiver.step(PipelineOpened{}, {}).front()).patience;
  };
  CHECK(patience(0) == milliseconds(500));
  CHECK(patience(1) == milliseconds(3500));
  CHECK(patience(2) == milliseconds(6500));
}

}  // namespace minidfs::transfer
