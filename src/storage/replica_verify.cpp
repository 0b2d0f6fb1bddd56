#include "storage/replica_verify.hpp"

#include "storage/large_file.hpp"

namespace minidfs::storage {

Status verify_replica(BlockStore& store, BlockId block, std::uint64_t generation) {
  MDFS_TRY(const auto reader, store.open_replica(block, generation));
  return check_stored_slices(reader->fd(), reader->stored_offset(0), block, reader->slices(),
                             "replica of block " + to_string(block));
}

}  // namespace minidfs::storage
