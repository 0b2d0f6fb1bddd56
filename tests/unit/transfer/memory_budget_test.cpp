// The budget alone, and a network of nodes that forward to one another under it.
#include "transfer/memory_budget.hpp"

#include <catch2/catch.hpp>
#include <optional>
#include <random>

namespace minidfs::transfer {
namespace {

using Tickets = std::vector<MemoryBudget::Ticket>;

MemoryBudget::Time at(int seconds) { return MemoryBudget::Time() + std::chrono::seconds(seconds); }

TEST_CASE("Requests are granted in the order of their arrival, as far as there is memory") {
  MemoryBudget budget(100, 10);
  Tickets asked;
  for (int i = 0; i < 13; ++i) asked.push_back(budget.ask(0, 10, at(9)));
  CHECK(budget.grant() == Tickets(asked.begin(), asked.begin() + 11));
  CHECK(budget.grant().empty());
  CHECK(budget.waiting() == 2);
  budget.give_back(0, 10);
  CHECK(budget.grant() == Tickets{asked[11]});
  CHECK(budget.used_bytes() == 110);
}

TEST_CASE("A large request is not overtaken by small ones of its kind") {
  MemoryBudget budget(0, 10);
  const auto half = budget.ask(0, 6, at(9));
  const auto whole = budget.ask(0, 10, at(9));
  const auto small = budget.ask(0, 1, at(9));
  CHECK(budget.grant() == Tickets{half});
  budget.give_back(0, 6);
  CHECK(budget.grant() == Tickets{whole});
  budget.give_back(0, 10);
  CHECK(budget.grant() == Tickets{small});
}

TEST_CASE("Every number of hops has a reserve that no other takes") {
  MemoryBudget budget(40, 10);
  for (int i = 0; i < 6; ++i) budget.ask(3, 10, at(9));
  CHECK(budget.grant().size() == 5);
  for (std::size_t hops = 0; hops <= MemoryBudget::kHopsMax; ++hops) {
    const auto ticket = budget.ask(hops, 10, at(9));
    CHECK(budget.grant() == (hops == 3 ? Tickets{} : Tickets{ticket}));
  }
  CHECK(budget.used_bytes() == budget.limit_bytes());
}

TEST_CASE("A request ends at its deadline or when it is taken back, and the next one moves up") {
  MemoryBudget budget(0, 10);
  budget.ask(0, 10, at(9));
  CHECK(budget.grant().size() == 1);
  const auto early = budget.ask(0, 10, at(3));
  const auto gone = budget.ask(0, 10, at(9));
  const auto late = budget.ask(0, 10, at(5));
  CHECK(budget.expire(at(2)).empty());
  CHECK(budget.expire(at(3)) == Tickets{early});
  CHECK(budget.cancel(gone));
  CHECK(!budget.cancel(gone));
  CHECK(!budget.cancel(early));
  budget.give_back(0, 10);
  CHECK(budget.grant() == Tickets{late});
  CHECK(budget.expire(at(9)).empty());
}

TEST_CASE("What is used never exceeds the limit and is all given back after random requests") {
  std::mt19937 random(7);
  MemoryBudget budget(200, 30);
  struct Asked {
    MemoryBudget::Ticket ticket;
    std::size_t hops, bytes;
  };
  std::vector<Asked> queued;
  std::vector<Asked> held;
  const auto take = [](std::vector<Asked>& from, std::size_t index) {
    const Asked asked = from.at(index);
    from.erase(from.begin() + static_cast<std::ptrdiff_t>(index));
    return asked;
  };
  for (int step = 0; step < 20'000 || !held.empty(); ++step) {
    const auto kind = random() % 4;
    if (kind < 2 && step < 20'000) {
      const std::size_t hops = random() % 4;
      const std::size_t bytes = 1 + random() % 30;
      queued.push_back({budget.ask(hops, bytes, at(9)), hops, bytes});
    } else if (kind == 2 && !queued.empty()) {
      REQUIRE(budget.cancel(take(queued, random() % queued.size()).ticket));
    } else if (!held.empty()) {
      const Asked back = take(held, random() % held.size());
      budget.give_back(back.hops, back.bytes);
    }
    for (const auto ticket : budget.grant()) {
      std::size_t index = 0;
      while (queued.at(index).ticket != ticket) ++index;
      held.push_back(take(queued, index));
    }
    std::size_t sum = 0;
    for (const auto& lease : held) sum += lease.bytes;
    REQUIRE(budget.used_bytes() == sum);
    REQUIRE(sum <= budget.limit_bytes());
    REQUIRE(budget.waiting() == queued.size());
  }
}

// Pieces of blocks on their way through pipelines of nodes, each of which has a budget. A piece
// holds memory at a node until the next node has it, or the disk of the last one.
class Network {
 public:
  Network(unsigned seed, bool by_hops) : random_(seed), by_hops_(by_hops) {
    for (std::size_t i = 0; i < kNodes; ++i) nodes_.emplace_back(4, 2);
    for (int i = 0; i < 40; ++i) {
      Writer writer;
      std::vector<std::size_t> all{0, 1, 2, 3};
      std::shuffle(all.begin(), all.end(), random_);
      writer.path.assign(all.begin(), all.begin() + 1 + static_cast<int>(random_() % kNodes));
      writer.places.resize(writer.path.size());
      writers_.push_back(std::move(writer));
    }
  }

  // Every node stands still for a while, and the writers go on.
  bool all_arrive() {
    for (int round = 0; round < 30; ++round) {
      const std::size_t paused = random_() % kNodes;
      for (int step = 0; step < 200; ++step) {
        Writer& writer = writers_.at(random_() % writers_.size());
        const std::size_t place = random_() % writer.path.size();
        if (writer.path[place] != paused) move(writer, place);
      }
    }
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& writer : writers_) {
        for (std::size_t place = 0; place < writer.path.size(); ++place) {
          moved = move(writer, place) || moved;
        }
      }
    }
    for (const auto& writer : writers_) {
      if (writer.left > 0) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kNodes = 4;
  enum class Piece { kNone, kAsked, kHeld };
  struct Place {
    Piece piece = Piece::kNone;
    std::size_t bytes = 0;
    MemoryBudget::Ticket ticket = 0;
  };
  struct Writer {
    std::vector<std::size_t> path;
    std::vector<Place> places;
    int left = 20;
  };

  std::size_t hops(const Writer& writer, std::size_t place) const {
    return by_hops_ ? writer.path.size() - 1 - place : 0;
  }

  // One step of one node for one writer; false when there is none to make.
  bool move(Writer& writer, std::size_t place) {
    Place& here = writer.places[place];
    if (here.piece == Piece::kHeld) {
      const bool last = place + 1 == writer.path.size();
      if (!last) {
        Place& next = writer.places[place + 1];
        if (next.piece != Piece::kNone) return false;
        // The next node asks for memory first, and the piece stays here meanwhile.
        next.piece = Piece::kAsked;
        next.bytes = here.bytes;
        next.ticket =
            nodes_[writer.path[place + 1]].ask(hops(writer, place + 1), next.bytes, at(1));
        grant(writer.path[place + 1]);
        return true;
      }
      leave(writer, place);
      if (last) --writer.left;
      return true;
    }
    if (place == 0 && here.piece == Piece::kNone && writer.left > asked(writer)) {
      here.piece = Piece::kAsked;
      here.bytes = 1 + random_() % 2;
      here.ticket = nodes_[writer.path[0]].ask(hops(writer, 0), here.bytes, at(1));
      grant(writer.path[0]);
      return true;
    }
    return false;
  }

  static int asked(const Writer& writer) {
    int count = 0;
    for (const auto& place : writer.places) count += place.piece != Piece::kNone ? 1 : 0;
    return count;
  }

  void leave(Writer& writer, std::size_t place) {
    nodes_[writer.path[place]].give_back(hops(writer, place), writer.places[place].bytes);
    writer.places[place] = Place();
    grant(writer.path[place]);
  }

  void grant(std::size_t node) {
    for (const auto ticket : nodes_[node].grant()) {
      for (auto& writer : writers_) {
        for (std::size_t place = 0; place < writer.path.size(); ++place) {
          Place& at_node = writer.places[place];
          if (writer.path[place] != node || at_node.piece != Piece::kAsked ||
              at_node.ticket != ticket) {
            continue;
          }
          at_node.piece = Piece::kHeld;
          arrived_.push_back({&writer, place});
        }
      }
    }
    // What the next node now holds is given back by the one before it.
    while (!arrived_.empty()) {
      const auto [writer, place] = arrived_.back();
      arrived_.pop_back();
      if (place > 0) leave(*writer, place - 1);
    }
  }

  std::mt19937 random_;
  bool by_hops_;
  std::vector<MemoryBudget> nodes_;
  std::vector<Writer> writers_;
  std::vector<std::pair<Writer*, std::size_t>> arrived_;
};

TEST_CASE("Nodes that forward to one another never wait in a circle, whoever stands still before") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    REQUIRE(Network(seed, true).all_arrive());
  }
}

TEST_CASE("Without shares by hops they would: the walk can tell") {
  int stuck = 0;
  for (unsigned seed = 0; seed < 60; ++seed) stuck += Network(seed, false).all_arrive() ? 0 : 1;
  CHECK(stuck > 0);
}

}  // namespace
}  // namespace minidfs::transfer
