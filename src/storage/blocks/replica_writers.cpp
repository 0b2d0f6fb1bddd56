#include "storage/blocks/replica_writers.hpp"

#include "storage/blocks/received_slices.hpp"

namespace minidfs::storage {

namespace {

class PackedWriter final : public ReplicaWriter {
 public:
  PackedWriter(WriterStart start, ReplicaCatalog& catalog, PackCommitter& committer)
      : catalog_(catalog),
        committer_(committer),
        hint_(start.stored_bytes_hint),
        reservation_(std::move(start.reservation)) {
    received_.info.block = start.block;
    received_.info.generation = start.generation;
    stored_.reserve(start.stored_bytes_hint);
  }

  ~PackedWriter() override {
    if (!handed_over_) catalog_.end_write(received_.info.block);
  }

  Status append(std::span<const Slice> slices, std::span<const std::byte> stored,
                std::shared_ptr<const void> /*memory*/) override {
    if (!failure_.ok()) return failure_;
    if (stored_.size() + stored.size() > hint_) {
      return Error{Errc::kInvalidArgument,
                   writer_name(received_.info.block, received_.info.generation) + ": " +
                       std::to_string(stored_.size() + stored.size()) + " bytes, announced were " +
                       std::to_string(hint_)};
    }
    MDFS_CHECK(received_.add(slices, stored.size()));
    stored_.insert(stored_.end(), stored.begin(), stored.end());
    failure_ = reservation_.grow_to(packed_bytes(received_.info));
    return failure_;
  }

  std::chrono::milliseconds stalled_for() const override { return committer_.stalled_for(); }

  void finish(std::function<void(Result<ReplicaInfo>)> done) override {
    auto job = std::make_shared<PackJob>();
    job->status = failure_.ok() ? received_.check_finish() : failure_;
    job->info = received_.info;
    job->slices = std::move(received_.slices);
    job->stored = std::move(stored_);
    job->reservation = std::move(reservation_);
    job->done = std::move(done);
    handed_over_ = true;
    committer_.submit(std::move(job));
  }

 private:
  ReplicaCatalog& catalog_;
  PackCommitter& committer_;
  const std::uint64_t hint_;
  Received received_;
  std::vector<std::byte> stored_;
  Reservation reservation_;
  Status failure_;
  bool handed_over_ = false;
};

}  // namespace

std::unique_ptr<ReplicaWriter> make_packed_writer(WriterStart start, ReplicaCatalog& catalog,
                                                  PackCommitter& committer) {
  return std::make_unique<PackedWriter>(std::move(start), catalog, committer);
}

}  // namespace minidfs::storage
