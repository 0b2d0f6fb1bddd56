// The descriptors 0, 1 and 2. A process may be started with some of them closed; the first file or
// socket that is opened then takes such a number, and whatever is written to standard error ends
// in it.
#pragma once

namespace minidfs {

// Opens those that are closed on /dev/null. The first thing that main() does, before any library
// can open anything. Standard input and output are opened the wrong way round: reading the one and
// writing the other goes on to fail with EBADF, as it would have done, so that a verb notices that
// what it reads or prints goes nowhere. Standard error takes everything and drops it. False when
// even that is impossible; errno tells why.
bool open_closed_descriptors();

}  // namespace minidfs
