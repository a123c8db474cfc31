#include "agent/helper_program.h"

#include <limits.h>
#include <unistd.h>

#include <array>

#include "protocol/error.h"

namespace fob {

std::string helper_program(const std::string& name) {
  std::array<char, PATH_MAX> self{};
  const ssize_t length = readlink("/proc/self/exe", self.data(), self.size() - 1);
  if (length < 0) throw_system_error("readlink /proc/self/exe", errno);
  const std::string agent(self.data(), static_cast<std::size_t>(length));
  const std::string beside = agent.substr(0, agent.rfind('/') + 1) + name;
  if (access(beside.c_str(), X_OK) == 0) return beside;
  return FOB_LIBEXECDIR "/" + name;
}

}  // namespace fob
