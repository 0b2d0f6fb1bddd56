// libraft's headers, which lack the linkage specification that C++ needs.
#pragma once

#include <uv.h>

extern "C" {
#include <raft.h>
#include <raft/uv.h>
}
