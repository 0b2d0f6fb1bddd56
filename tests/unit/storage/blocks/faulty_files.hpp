// A control file of the interposed file calls for one test.
#pragma once

#include <fstream>
#include <string>

#include "store_fixture.hpp"
#include "support/file_faults.hpp"

namespace minidfs::storage {

class FaultyFiles {
 public:
  FaultyFiles() { use_file_faults(path_); }
  ~FaultyFiles() { heal(); }
  FaultyFiles(const FaultyFiles&) = delete;
  FaultyFiles& operator=(const FaultyFiles&) = delete;

  // In place of all faults before it; as a line of the control file.
  void set(const std::string& fault) {
    std::ofstream(path_ + ".new") << fault << "\n";
    std::filesystem::rename(path_ + ".new", path_);
  }
  void heal() { std::filesystem::remove(path_); }

 private:
  TemporaryDirectory directory_;
  std::string path_ = directory_.path() + "/faults";
};

}  // namespace minidfs::storage
