#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace fob::virt {

/// The control socket of a virtual token: any number of clients, each sends lines, and gets a line for each.
class ControlServer {
 public:
  /// Answers one line. Sets `quit` where it asks for the end.
  using Responder = std::function<std::string(const std::string& line, bool& quit)>;

  /// Replaces what is at `path`. Throws Error{Errc::system}.
  ControlServer(std::string path, Responder respond);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// What to poll(2) for reading.
  std::vector<int> fds() const;
  /// Serves whoever is readable. True: somebody said quit.
  bool serve(int fd);

 private:
  void accept_client();
  void drop(int fd);

  std::string path_;
  Responder respond_;
  int listener_;
  std::map<int, std::string> clients_;  ///< with what has arrived of their next line
};

/// Says one line to the control socket at `path`; the answer, without its end of line. Throws Error{Errc::system}.
std::string tell(const std::string& path, const std::string& line);

}  // namespace fob::virt
