// Reads that wait until it is certain that this namenode leads, and that its namespace holds all
// that was answered before they came. One question for the log is under way at a time, and answers
// for those that had come before it was asked; who comes meanwhile waits for the next one. So a
// thousand reads cost no more than two. Pure: what a read is, and who asks, is the owner's affair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace minidfs::actors {

template <class Read>
class ReadLine {
 public:
  explicit ReadLine(std::size_t reads_max) : max_(reads_max) {}

  bool is_full() const { return waiting_.size() >= max_; }
  void add(Read read) { waiting_.push_back(std::move(read)); }

  // Whether there is something to ask, and no question under way.
  bool wants_question() const { return asked_.empty() && !waiting_.empty(); }
  // The number of the question that is to be asked now; 0 when none is.
  std::uint64_t ask() {
    if (!wants_question()) return 0;
    asked_ = std::exchange(waiting_, {});
    return ++number_;
  }
  // The reads that the answer to the question is for; none when it is not the one under way. Then
  // there may be another one to ask.
  std::vector<Read> take(std::uint64_t number) {
    if (number != number_) return {};
    return std::exchange(asked_, {});
  }
  // All of them, as none will be answered any more.
  std::vector<Read> take_all() {
    auto all = std::exchange(asked_, {});
    for (auto& read : std::exchange(waiting_, {})) all.push_back(std::move(read));
    return all;
  }

 private:
  const std::size_t max_;
  std::uint64_t number_ = 0;  // Of the last question.
  std::vector<Read> asked_;   // Not empty: it is under way.
  std::vector<Read> waiting_;
};

}  // namespace minidfs::actors
