// HDFS's checksum of a file, made of sums that its datanodes make of their own replicas, so that
// its bytes stay where they are. A replica that is bad or hangs is left for another one, as by a
// reader.
#pragma once

#include <memory>
#include <string>

#include "net/asio.hpp"
// The above comes first: see there.
#include "actors/messages.hpp"
#include "base/result.hpp"
#include "client/client_context.hpp"
#include "client/hdfs_checksum.hpp"

namespace minidfs::client {

// Belongs to the loop of its executor; one operation, which the object outlives.
class FileSumming {
 public:
  // `first` is the first page of the file's blocks. REQUIRES: `context` outlives this.
  FileSumming(const asio::any_io_executor& executor, ClientContext& context, std::string path,
              actors::LocatedFile first);
  ~FileSumming();
  FileSumming(const FileSumming&) = delete;
  FileSumming& operator=(const FileSumming&) = delete;

  // Several datanodes are at it at a time. What one of an older version has is read, and summed
  // here. Errors name the path.
  asio::awaitable<Result<HdfsChecksum>> run(CombineMode mode);
  // The operation ends with kCancelled.
  void cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The same for those who block. kIsADirectory for one.
Result<HdfsChecksum> sum_file(ClientContext& context, const std::string& path, CombineMode mode);

}  // namespace minidfs::client
