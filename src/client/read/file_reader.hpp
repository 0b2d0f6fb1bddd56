// Reads a file's bytes from whichever replicas can give them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/messages.hpp"
#include "client/client_context.hpp"
#include "client/progress_meter.hpp"

namespace minidfs::client {

// A run of bytes within one block.
struct BlockPart {
  std::size_t block = 0;  // Index in the file's list.
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// The parts of [offset, offset + length), cut at the end of the file. Pure.
std::vector<BlockPart> parts_of(const std::vector<metadata::LocatedBlock>& blocks,
                                std::uint64_t offset, std::uint64_t length);

// Where the last of these blocks ends in its file.
std::uint64_t end_of(const std::vector<metadata::LocatedBlock>& blocks);
// kStale unless `page` goes on where `before` ends, in the same file.
Status check_next_page(const actors::LocatedFile& before, const actors::LocatedFile& page);
// kStale.
Error changed_while_read();

class Salvage;

// A page of the file's blocks, from the one that holds the byte at `offset`.
Result<actors::LocatedFile> locate_page(ClientContext& context, const std::string& path,
                                        std::uint64_t offset);
// All of them. kStale when the file is changed meanwhile.
Result<std::vector<metadata::LocatedBlock>> locate_all(ClientContext& context,
                                                       const std::string& path);

// Asks the namenode and reads, in order. Adds to `progress`; does not finish it. With a `salvage`
// what cannot be read is no error: it goes to the sink as zeros, and is noted.
Status read_in_order(ClientContext& context, const std::string& path, std::uint64_t offset,
                     std::uint64_t length, const Sink& sink, ProgressMeter& progress,
                     Salvage* salvage);

// Asks the namenode and reads the whole file, several parts at a time.
Status read_in_parallel(ClientContext& context, const std::string& path, const PlacedSink& sink,
                        ProgressMeter& progress);

// As above for a file whose first blocks are located already. Asks the namenode again only for
// further pages of blocks, and when replicas fail. `salvage` as in read_in_order().
Status read_located(ClientContext& context, const std::string& path,
                    const actors::LocatedFile& file, const PlacedSink& sink,
                    ProgressMeter& progress, Salvage* salvage);

}  // namespace minidfs::client
