// What clients ask of the namenode and what it answers, but for administration; see messages.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "metadata/changes.hpp"
#include "metadata/types.hpp"
#include "metadata/write_sessions.hpp"

namespace minidfs::actors {

// The answer where there is nothing to say but that it was done.
struct Accepted {};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Accepted&) {
  return f();
}

// Asks for the id under which a client numbers its changes (metadata::born_client()). To be asked
// again when the answer to a change says that it was forgotten.
struct ClientIdRequest {};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ClientIdRequest&) {
  return f();
}

struct ClientIdReply {
  ClientId client;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ClientIdReply& x) {
  return f(x.client);
}

// --- Reading the namespace -------------------------------------------------------------------

struct StatRequest {
  std::string path;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StatRequest& x) {
  return f(x.path);
}

// One page of a directory in byte order of the names; a file gives one entry.
struct ListRequest {
  std::string path;
  std::string start_after;  // Empty: from the first.
  std::uint32_t limit = 0;  // 0: the server's own, which also bounds any other.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ListRequest& x) {
  return f(x.path, x.start_after, x.limit);
}

struct ListReply {
  std::string
      entries;  // `count` encoded metadata::FileStatus (base/codec.hpp), ready as one run of
                // bytes so that a cached page costs a copy and not a thousand inspections.
  std::uint32_t count = 0;
  bool more = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ListReply& x) {
  return f(x.entries, x.count, x.more);
}

// A file's blocks and where they are, from the one that holds the byte at `offset`.
struct LocateRequest {
  std::string path;
  // To put near replicas first: the machine, or the id of the datanode that the reader is part of,
  // which version 1 takes for a machine that it has never heard of.
  std::string reader_host;
  std::uint64_t offset = 0;  // For the next page: where the last block of this one ends.
  // Of a block without a good replica name those that are corrupt: parts of them may be good.
  bool corrupt_ones = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LocateRequest& x) {
  return f(x.path, x.reader_host, x.offset, x.corrupt_ones);
}

struct LocatedFile {
  metadata::FileStatus status;
  std::vector<metadata::LocatedBlock> blocks;  // A page of them, a few thousand at most.
  bool more = false;                           // Blocks behind these exist.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LocatedFile& x) {
  return f(x.status, x.blocks, x.more);
}

// One page of a directory with the blocks of its files, so that reading many small files needs no
// round trip for each. Locations stand once per distinct set.
struct LocateDirectoryRequest {
  std::string path;
  std::string start_after;
  std::uint32_t limit = 0;
  std::string reader_host;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LocateDirectoryRequest& x) {
  return f(x.path, x.start_after, x.limit, x.reader_host);
}

struct LocateDirectoryReply {
  std::vector<LocatedFile> entries;  // Directories with no blocks among them.
  bool more = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LocateDirectoryReply& x) {
  return f(x.entries, x.more);
}

// --- Writing ---------------------------------------------------------------------------------

// A path that a writer is going to commit, checked before the first byte is sent.
struct IntendedFile {
  std::string path;
  bool overwrite = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, IntendedFile& x) {
  return f(x.path, x.overwrite);
}

// Asks for blocks to write: `pipelines` sets of datanodes with `blocks_per_pipeline` block ids
// each. Zero pipelines only checks the paths.
struct AllocateBlocks {
  ClientId client;
  std::uint64_t session = 0;  // 0: open a new write session; its number is in the reply.
  std::vector<IntendedFile> files;
  std::uint32_t pipelines = 1;
  std::uint32_t blocks_per_pipeline = 1;
  std::uint64_t block_size = 0;  // An upper bound of each block's bytes.
  std::uint8_t replication = 0;
  std::string writer_host;       // As LocateRequest::reader_host.
  std::vector<NodeId> excluded;  // Nodes that failed this writer.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, AllocateBlocks& x) {
  return f(x.client, x.session, x.files, x.pipelines, x.blocks_per_pipeline, x.block_size,
           x.replication, x.writer_host, x.excluded);
}

struct PipelineGrant {
  std::vector<BlockId> blocks;
  std::uint64_t generation = 0;
  std::vector<metadata::ReplicaLocation> targets;  // Perhaps fewer than asked for, at least one.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, PipelineGrant& x) {
  return f(x.blocks, x.generation, x.targets);
}

struct WriteGrant {
  std::uint64_t session = 0;
  std::uint32_t renew_within_ms = 0;  // The session must be renewed at least this often.
  std::vector<PipelineGrant> pipelines;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, WriteGrant& x) {
  return f(x.session, x.renew_within_ms, x.pipelines);
}

// Keeps a session's blocks from being collected. Names all of them that are not committed yet, so
// that a namenode that has restarted learns of them.
struct RenewSession {
  ClientId client;
  std::uint64_t session = 0;
  std::vector<metadata::BlockRange> blocks;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RenewSession& x) {
  return f(x.client, x.session, x.blocks);
}

// Ends a session. The blocks named are abandoned: those that no file owns are removed at once.
struct EndSession {
  ClientId client;
  std::uint64_t session = 0;
  std::vector<metadata::BlockRange> abandoned;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, EndSession& x) {
  return f(x.client, x.session, x.abandoned);
}

// Where one written block is known to be whole.
struct WrittenBlock {
  BlockId block;
  std::vector<NodeId> nodes;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, WrittenBlock& x) {
  return f(x.block, x.nodes);
}

// Makes files visible. Answered by the change's outcomes once it is applied and the block map knows
// the replicas, so that the files can be read at once.
struct CommitWrite {
  ClientId client;
  std::uint64_t session = 0;
  // When not 0 the change has one file, and so many blocks of it are staged before those in it.
  std::uint64_t staged = 0;
  metadata::CommitFiles change;
  std::vector<metadata::FileTimes> times;  // Of each file; empty: that of the commit for all.
  std::vector<WrittenBlock> written;       // Every block of the change, in order.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CommitWrite& x) {
  return f(x.client, x.session, x.staged, x.change, x.times, x.written);
}

// Hands over blocks of a file that has too many for one commit. They belong to the session until it
// commits the file or ends. Answered like CommitWrite.
struct StageWrite {
  metadata::StageBlocks change;
  std::vector<WrittenBlock> written;  // Every block of the change, in order.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StageWrite& x) {
  return f(x.change, x.written);
}

// Adds written blocks to a file; see metadata::AppendBlocks. They are of the session until then.
// Answered like CommitWrite. Of version 2.
struct AppendWrite {
  ClientId client;
  std::uint64_t session = 0;
  metadata::AppendBlocks change;
  std::vector<WrittenBlock> written;  // Every block of the change, in order.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, AppendWrite& x) {
  return f(x.client, x.session, x.change, x.written);
}

}  // namespace minidfs::actors
