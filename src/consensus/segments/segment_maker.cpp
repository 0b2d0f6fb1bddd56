#include "consensus/segments/segment_maker.hpp"

#include <utility>

namespace minidfs::consensus {
namespace {

std::optional<BlankSegment> make_durable(const SegmentName& name, std::uint64_t size_bytes) {
  auto blank = BlankSegment::make(name, size_bytes);
  if (!blank.ok()) return std::nullopt;
  if (blank->sync().ok()) return std::move(blank).value();
  blank->remove();
  return std::nullopt;
}

}  // namespace

SegmentMaker::~SegmentMaker() {
  if (const auto untaken = take()) untaken->remove();
}

void SegmentMaker::want(SegmentName name, std::uint64_t size_bytes) {
  making_.begin([name = std::move(name), size_bytes] { return make_durable(name, size_bytes); },
                [] {});
}

std::optional<BlankSegment> SegmentMaker::take() {
  if (!is_wanted()) return std::nullopt;
  return making_.wait();
}

}  // namespace minidfs::consensus
