#include "cli/home.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "protocol/error.h"

namespace fob::cli {

std::string home_directory() {
  const char* home = getenv("HOME");
  if (home == nullptr || *home != '/') {
    const passwd* entry = getpwuid(getuid());
    home = entry == nullptr ? nullptr : entry->pw_dir;
  }
  if (home == nullptr || *home != '/') throw Error(Errc::not_found, "there is no home: set HOME");
  std::string out(home);
  while (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

std::string config_file(const std::string& name) {
  const char* base = getenv("XDG_CONFIG_HOME");
  // The XDG Base Directory Specification: a relative path is to be ignored.
  const bool is_set = base != nullptr && *base == '/';
  return (is_set ? std::string(base) : home_directory() + "/.config") + "/fob/" + name;
}

std::string with_home(const std::string& path) {
  return path.starts_with("~/") ? home_directory() + path.substr(1) : path;
}

}  // namespace fob::cli
