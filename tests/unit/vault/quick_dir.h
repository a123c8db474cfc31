#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "protocol/error.h"
#include "tests/daemon/temp_dir.h"

namespace fob {

/// In memory where that can be had: thousands of writes that wait for a disk would take minutes.
class QuickDir {
 public:
  QuickDir() : path_(exists("/dev/shm") ? "/dev/shm/fobt.XXXXXX" : "/tmp/fobt.XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) throw_system_error("mkdtemp", errno);
  }
  ~QuickDir() { std::filesystem::remove_all(path_); }
  QuickDir(const QuickDir&) = delete;
  QuickDir& operator=(const QuickDir&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace fob
