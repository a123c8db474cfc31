#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fob {

/// A directory of its own for each test, removed with all that is in it. Its path is short: a socket's has 107 bytes.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

/// Empty where there is no such file.
std::string read_file(const std::string& path);
void write_file(const std::string& path, std::string_view text, unsigned mode = 0600);
bool exists(const std::string& path);

struct Outcome {
  int exit_status = -1;  ///< -1: ended by a signal
  std::string output;    ///< stdout and stderr
};

/// Runs a program, found by PATH, to its end. Each `NAME=value` of `environment` is added to ours.
Outcome run(const std::vector<std::string>& command, const std::vector<std::string>& environment = {});

}  // namespace fob
