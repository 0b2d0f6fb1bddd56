// What a commit asks of the namespace, and how a part of a staged file, or of a file that grows, is
// judged.
#pragma once

#include <vector>

#include "actors/client_messages.hpp"
#include "base/result.hpp"
#include "metadata/changes.hpp"

namespace minidfs::actors {

// kInvalidArgument when its files, times and staged blocks do not fit together. Pure.
Result<metadata::Change> change_of(const CommitWrite& commit);

// For the block manager the blocks of a part are those of a file that is committed. Pure.
CommitWrite commit_of(const metadata::StageBlocks& part, std::vector<WrittenBlock> written);

// So are those that are added to a file. Takes what says where they are. Pure.
CommitWrite commit_of(AppendWrite& append);

}  // namespace minidfs::actors
