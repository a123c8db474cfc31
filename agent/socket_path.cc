#include "agent/socket_path.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>

#include "protocol/bytes.h"
#include "protocol/error.h"

namespace fob {
namespace {

constexpr int backlog = 128;  // OpenSSH's SSH_LISTEN_BACKLOG
constexpr std::size_t host_hash_length = 10;
constexpr std::size_t random_suffix_length = 10;
constexpr time_t stale_after_seconds = 60 * 60;
/// OpenSSH's alphabet: other agents on this host must find the same hash.
constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

sockaddr_un address_of(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  if (path.size() >= sizeof(out.sun_path)) {
    throw Error(Errc::system, "socket path of " + std::to_string(path.size()) + " bytes is too long, at most " +
                                  std::to_string(sizeof(out.sun_path) - 1) + " are allowed: " + path);
  }
  std::memcpy(out.sun_path, path.data(), path.size());
  return out;
}

int new_socket() {
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) throw_system_error("socket", errno);
  return descriptor;
}

int bind_to(const std::string& path, int descriptor) {
  const sockaddr_un address = address_of(path);
  return bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

int connect_to(const std::string& path, int descriptor) {
  const sockaddr_un address = address_of(path);
  return connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

/// The agent goes to / and must find its socket again.
std::string absolute(const std::string& path) { return std::filesystem::absolute(path).string(); }

struct DirectoryCloser {
  void operator()(DIR* directory) const { closedir(directory); }
};

std::string random_name(std::size_t length) {
  std::string out;
  for (std::size_t i = 0; i < length; ++i) {
    out += alphabet[randombytes_uniform(static_cast<std::uint32_t>(alphabet.size()))];
  }
  return out;
}

/// Letters from SHA-512 of the host's name (misc-agent.c of OpenSSH).
std::string host_hash() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) throw_system_error("gethostname", errno);
  const ByteView text = as_bytes(name.data());
  std::array<std::uint8_t, crypto_hash_sha512_BYTES> hash{};
  crypto_hash_sha512(hash.data(), text.data(), text.size());
  std::string out;
  for (std::size_t i = 0; i < host_hash_length; ++i) out += alphabet[hash[i] % alphabet.size()];
  return out;
}

void make_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) throw_system_error("cannot make " + path, errno);
}

/// Whether nobody listens there any more.
bool answers_nobody(const std::string& path) {
  const int descriptor = new_socket();
  const bool refused = connect_to(path, descriptor) != 0 && errno != EAGAIN;
  close(descriptor);
  return refused;
}

bool is_old_socket(int directory, const char* name) {
  struct stat status {};
  if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISSOCK(status.st_mode)) return false;
  return status.st_mtime + stale_after_seconds <= time(nullptr);
}

}  // namespace

void ListeningSocket::remove_files() const {
  if (!own_path.empty()) unlink(own_path.c_str());
  if (!directory.empty()) rmdir(directory.c_str());
}

/// Bound under another name and renamed into place once it listens: whoever sees the socket can connect to it.
ListeningSocket listen_at(const std::string& path) {
  address_of(path);
  const int descriptor = new_socket();
  // Begins as the final name does, so that remove_stale_sockets() finds it too if we are killed right here.
  std::string first_path = path + "." + random_name(6);
  if (first_path.size() >= sizeof(sockaddr_un::sun_path)) first_path = path;
  const mode_t mask = umask(0177);
  int error = bind_to(first_path, descriptor) == 0 ? 0 : errno;
  umask(mask);
  if (error == 0 && listen(descriptor, backlog) != 0) error = errno;
  // link() fails if the name is taken, where rename() would take it over.
  if (error == 0 && first_path != path) {
    if (link(first_path.c_str(), path.c_str()) != 0) error = errno;
    unlink(first_path.c_str());
  }
  if (error != 0) {
    close(descriptor);
    if (error == EEXIST || error == EADDRINUSE) {
      throw Error(Errc::system, "cannot listen at " + path + ": something is there already; remove it or use another");
    }
    throw_system_error("cannot listen at " + path, error);
  }
  return {descriptor, path, absolute(path), ""};
}

ListeningSocket listen_replacing_stale(const std::string& path) {
  struct stat status {};
  address_of(path);
  if (lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) && answers_nobody(path)) unlink(path.c_str());
  return listen_at(path);
}

ListeningSocket listen_in_tmp(int pid) {
  const char* tmp = getenv("TMPDIR");
  std::string directory = std::string(tmp != nullptr && *tmp != '\0' ? tmp : "/tmp") + "/ssh-XXXXXXXXXXXX";
  if (mkdtemp(directory.data()) == nullptr) throw_system_error("cannot make a directory like " + directory, errno);
  try {
    ListeningSocket out = listen_at(directory + "/agent." + std::to_string(pid));
    out.directory = directory;
    return out;
  } catch (const Error&) {
    rmdir(directory.c_str());
    throw;
  }
}

ListeningSocket listen_in_home(const std::string& home) {
  make_directory(home + "/.ssh");
  make_directory(home + "/.ssh/agent");
  return listen_at(home + "/.ssh/agent/s." + host_hash() + ".agent." + random_name(random_suffix_length));
}

void remove_stale_sockets(const std::string& home, bool of_all_hosts) {
  const std::string path = home + "/.ssh/agent";
  const std::unique_ptr<DIR, DirectoryCloser> directory(opendir(path.c_str()));
  if (!directory) return;
  const std::string prefix = of_all_hosts ? "" : "s." + host_hash() + ".";
  while (const dirent* entry = readdir(directory.get())) {
    const std::string name = entry->d_name;
    const std::string socket_path = path + "/" + name;
    if (!name.starts_with(prefix) || !is_old_socket(dirfd(directory.get()), name.c_str())) continue;
    if (socket_path.size() >= sizeof(sockaddr_un::sun_path) || !answers_nobody(socket_path)) continue;
    unlinkat(dirfd(directory.get()), name.c_str(), 0);
  }
}

std::string home_directory() {
  if (const char* home = getenv("HOME"); home != nullptr && *home != '\0') return home;
  const passwd* entry = getpwuid(getuid());
  if (entry == nullptr || entry->pw_dir == nullptr || *entry->pw_dir == '\0') {
    throw Error(Errc::system, "no home directory: neither HOME nor the passwd entry has one; use -a or -T");
  }
  return entry->pw_dir;
}

}  // namespace fob
