#include "agent/store_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "agent/socket_path.h"
#include "protocol/error.h"

namespace fob {
namespace {

constexpr mode_t group_or_other_writes = 022;
constexpr mode_t group_or_other_anything = 077;

/// Owns a descriptor. Never one of the store's file: closing any drops the locks that SQLite holds on it (fcntl(2)).
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator int() const { return number_; }  // NOLINT: stands for its number

 private:
  int number_;
};

std::string octal(mode_t mode) {
  char out[8];
  std::snprintf(out, sizeof(out), "%04o", mode & 07777U);
  return out;
}

std::string folder_of(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().parent_path().string();
}

std::string name_of(const std::string& path) { return std::filesystem::path(path).filename().string(); }

/// Nothing where it is not there.
std::optional<struct stat> status_of(const std::string& path) {
  struct stat out {};
  if (lstat(path.c_str(), &out) == 0) return out;
  if (errno != ENOENT) throw_system_error("cannot look at " + path, errno);
  return std::nullopt;
}

void check_owner(const std::string& path, const struct stat& status) {
  if (status.st_uid == geteuid()) return;
  throw Error(Errc::refused, path + " is owned by user " + std::to_string(status.st_uid) + ", wanted " +
                                 std::to_string(geteuid()) + ", who runs this agent");
}

/// Its real path, checked. Nothing where it is not there.
std::optional<std::string> find_folder(const std::string& path) {
  std::error_code fault;
  const std::string real = std::filesystem::canonical(path, fault).string();
  if (fault == std::errc::no_such_file_or_directory) return std::nullopt;
  if (fault) throw_system_error("cannot open the folder " + path, fault.value());
  const std::optional<struct stat> status = status_of(real);
  if (!status) return std::nullopt;
  if (!S_ISDIR(status->st_mode)) throw Error(Errc::refused, path + " is not a folder");
  check_owner(real, *status);
  if ((status->st_mode & group_or_other_writes) != 0) {
    throw Error(Errc::refused, "others can write to the folder " + real + " (mode " + octal(status->st_mode) +
                                   "), so the keys in it cannot be trusted: chmod 700 " + real);
  }
  return real;
}

/// `path` in a folder that was checked. No descriptor is opened: see Descriptor.
bool is_there(const std::string& path) {
  const std::optional<struct stat> status = status_of(path);
  if (!status) return false;
  if (S_ISLNK(status->st_mode)) throw Error(Errc::refused, path + " is a symbolic link; name the file itself");
  if (!S_ISREG(status->st_mode)) throw Error(Errc::refused, path + " is not a regular file");
  check_owner(path, *status);
  if ((status->st_mode & group_or_other_anything) != 0) {
    throw Error(Errc::refused, "others have access to " + path + " (mode " + octal(status->st_mode) +
                                   "): check its keys, then chmod 600 " + path);
  }
  return true;
}

void make_folders(const std::filesystem::path& path) {
  if (path.has_parent_path() && path != path.root_path() && !std::filesystem::exists(path.parent_path())) {
    make_folders(path.parent_path());
  }
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) throw_system_error("cannot make " + path.string(), errno);
}

void write_all(int descriptor, const std::string& path, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_system_error("cannot write " + path, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  if (fsync(descriptor) != 0) throw_system_error("cannot write " + path, errno);
}

/// A journal holds what SQLite has to put back after a crash; in a new file it would put back another's pages.
void check_no_journal(const std::string& path) {
  const std::string journal = path + "-journal";
  const std::optional<struct stat> status = status_of(journal);
  if (!status || status->st_size == 0) return;
  throw Error(Errc::refused,
              "there is " + journal + " without " + path + ": bring the file back, or move its journal away too");
}

/// Written under another name and renamed once it is on the disk.
void make_file(const std::string& path, ByteView contents) {
  const std::string new_path = path + ".new";
  {
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
    const Descriptor file(::open(new_path.c_str(), flags, 0600));
    if (file < 0 || fchmod(file, 0600) != 0) throw_system_error("cannot make " + new_path, errno);
    try {
      write_all(file, new_path, contents);
    } catch (const Error&) {
      unlink(new_path.c_str());
      throw;
    }
  }
  if (rename(new_path.c_str(), path.c_str()) != 0) throw_system_error("cannot make " + path, errno);
}

}  // namespace

std::string default_store_path() {
  const char* data = getenv("XDG_DATA_HOME");
  // The XDG Base Directory Specification: a relative path is to be ignored.
  const std::string base = data != nullptr && *data == '/' ? data : home_directory() + "/.local/share";
  return base + "/fob/vault.db";
}

std::optional<std::string> find_store_file(const std::string& path) {
  const std::optional<std::string> folder = find_folder(folder_of(path));
  if (!folder) return std::nullopt;
  std::string file = *folder + "/" + name_of(path);
  if (!is_there(file)) return std::nullopt;
  return file;
}

std::string find_or_make_store_file(const std::string& path, const std::function<Bytes()>& contents) {
  make_folders(folder_of(path));
  const std::optional<std::string> folder = find_folder(folder_of(path));
  if (!folder) throw Error(Errc::system, "the folder of " + path + " is gone");
  std::string file = *folder + "/" + name_of(path);
  if (is_there(file)) return file;
  // Two agents that start at once must not take each other's new file for their own.
  const Descriptor lock(::open(folder->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock < 0) throw_system_error("cannot open the folder " + *folder, errno);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    throw Error(Errc::refused, "another process is making a file in " + *folder + " right now; try again");
  }
  if (is_there(file)) return file;
  check_no_journal(file);
  make_file(file, contents());
  if (fsync(lock) != 0) throw_system_error("cannot write the folder " + *folder, errno);
  return file;
}

}  // namespace fob
