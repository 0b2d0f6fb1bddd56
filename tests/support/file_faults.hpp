// File calls that fail, hang or take long, on demand: open, pread, pwrite, fdatasync and the like
// are interposed. Linked into a test, or loaded into a process of a test cluster with LD_PRELOAD;
// then the environment variable FILE_FAULTS_CONTROL names the control file.
//
// The control file is looked at by each call, so that faults come and go while a process works.
// Each line is a fault: CALL PATH EFFECT [BEGIN END]
//   CALL    open, read, write (with allocating and cutting off), sync, unlink, any, or
//           direct: beginning to bypass the page cache with a file, and writes that do
//   PATH    a file, or the directory that it is below
//   EFFECT  hang (as long as the line is there), delay=MS, or error=ERRNO (a number)
//   BEGIN END  only reads and writes that touch these bytes of the file
#pragma once

#include <string>

namespace minidfs {

// For a test that has the calls linked in: the file that controls them from now on.
void use_file_faults(const std::string& control_file);

}  // namespace minidfs
