#pragma once

#include <map>

#include "tests/virtual/program/device.h"

namespace fob::virt {

/// Answers one line of the control socket with one line. Sets `quit` where it asks for the end.
std::string answer_line(const std::string& line, Device& device, bool& quit);

/// The control socket: any number of clients, each sends lines.
class ControlServer {
 public:
  /// Replaces what is at `path`. Throws Error{Errc::system}.
  explicit ControlServer(std::string path);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// What to poll(2) for reading.
  std::vector<int> fds() const;
  /// Serves whoever is readable. True: somebody said quit.
  bool serve(int fd, Device& device);

 private:
  void accept_client();
  void drop(int fd);

  std::string path_;
  int listener_;
  std::map<int, std::string> clients_;  ///< with what has arrived of their next line
};

}  // namespace fob::virt
