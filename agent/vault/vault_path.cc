#include "agent/vault/vault_path.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "agent/socket_path.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

constexpr mode_t group_or_other_writes = 022;
constexpr mode_t group_or_other_anything = 077;

/// Owns a descriptor. Never one of the vault's file: closing any drops the locks that SQLite holds on it (fcntl(2)).
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
  std::error_code fault;
  const std::filesystem::path whole = std::filesystem::absolute(path, fault);
  if (fault) throw_system_error("cannot tell where " + path + " is", fault.value());
  return whole.lexically_normal().parent_path().string();
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
  const std::filesystem::path parent = path.parent_path();
  if (path.has_parent_path() && path != path.root_path() && !status_of(parent.string())) make_folders(parent);
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

/// The whole of a file that had `size` bytes a moment ago.
Bytes read_all(int descriptor, const std::string& path, std::size_t size) {
  Bytes out(size);
  for (std::size_t done = 0; done < size;) {
    const ssize_t got = read(descriptor, out.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_system_error("cannot read " + path, errno);
    if (got == 0) throw Error(Errc::refused, path + " changes while it is read; try again");
    done += static_cast<std::size_t>(got);
  }
  return out;
}

/// Whether there is a journal that SQLite would put back, after a crash: in a new file it would put back another's
/// pages. One that is done with is empty, or begins with zeros.
bool has_journal(const std::string& path) {
  const std::string journal = path + "-journal";
  const Descriptor file(::open(journal.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (file < 0 && errno == ENOENT) return false;
  char first = 0;
  const ssize_t got = file < 0 ? -1 : read(file, &first, 1);
  if (got < 0) throw_system_error("cannot look at " + journal, errno);
  return got == 1 && first != 0;
}

void check_no_journal(const std::string& path) {
  if (!has_journal(path)) return;
  throw Error(Errc::refused,
              "there is " + path + "-journal without " + path + ": bring the file back, or move its journal away too");
}

/// A file on its way to `path`, written and synced under another name; removed unless it gets there.
class NewFile {
 public:
  NewFile(const std::string& path, ByteView contents) : path_(path + ".new") {
    remove();
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const Descriptor file(::open(path_.c_str(), flags, 0600));
    if (file < 0 || fchmod(file, 0600) != 0) throw_system_error("cannot make " + path_, errno);
    try {
      write_all(file, path_, contents);
    } catch (const Error&) {
      remove();
      throw;
    }
  }
  ~NewFile() { remove(); }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  const std::string& path() const { return path_; }
  void move_to(const std::string& path) {
    if (rename(path_.c_str(), path.c_str()) != 0) throw_system_error("cannot make " + path, errno);
  }

 private:
  /// Its journal too, which would be another file's, or is empty.
  void remove() const {
    unlink(path_.c_str());
    unlink((path_ + "-journal").c_str());
  }

  std::string path_;
};

/// The folder of a vault's file, made where it was missing, and held: two agents that start at once must not take each
/// other's new file for their own.
class HeldFolder {
 public:
  explicit HeldFolder(const std::string& path) : path_(find(path)), lock_(open_folder(path_)) {
    if (lock_ < 0) throw_system_error("cannot open the folder " + path_, errno);
    if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
      throw Error(Errc::refused, "another process is making a file in " + path_ + " right now; try again");
    }
  }
  const std::string& path() const { return path_; }
  void sync() const {
    if (fsync(lock_) != 0) throw_system_error("cannot write the folder " + path_, errno);
  }

 private:
  static int open_folder(const std::string& path) { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }
  static std::string find(const std::string& path) {
    make_folders(path);
    const std::optional<std::string> found = find_folder(path);
    if (!found) throw Error(Errc::system, "the folder " + path + " is gone");
    return *found;
  }

  std::string path_;
  Descriptor lock_;
};

/// Gives the vault that is about to be replaced a second name, so that it is not lost with the first. What was kept so
/// before goes only when that is done.
void keep_replaced(const std::string& path) {
  if (has_journal(path)) {
    throw Error(Errc::refused,
                "there is " + path + "-journal with an unfinished change, and " + path + " is damaged: move both away");
  }
  const std::string kept = path + ".replaced";
  const std::string temporary = kept + ".new";
  unlink(temporary.c_str());
  if (link(path.c_str(), temporary.c_str()) != 0 || rename(temporary.c_str(), kept.c_str()) != 0) {
    const int reason = errno;
    unlink(temporary.c_str());
    throw_system_error("cannot keep " + path + " as " + kept + ", so it was left in its place; move it away", reason);
  }
  // rename(2) does nothing where both names are of one file already.
  unlink(temporary.c_str());
}

}  // namespace

std::string default_vault_path() {
  const char* data = getenv("XDG_DATA_HOME");
  // The XDG Base Directory Specification: a relative path is to be ignored.
  const std::string base = data != nullptr && *data == '/' ? data : home_directory() + "/.local/share";
  return base + "/fob/vault.db";
}

std::optional<std::string> find_vault_file(const std::string& path) {
  const std::optional<std::string> folder = find_folder(folder_of(path));
  if (!folder) return std::nullopt;
  std::string file = *folder + "/" + name_of(path);
  if (!is_there(file)) return std::nullopt;
  return file;
}

std::string find_or_make_vault_file(const std::string& path, const std::function<Bytes()>& contents) {
  if (std::optional<std::string> found = find_vault_file(path)) return *found;
  const HeldFolder folder(folder_of(path));
  std::string file = folder.path() + "/" + name_of(path);
  if (is_there(file)) return file;
  check_no_journal(file);
  NewFile(file, contents()).move_to(file);
  folder.sync();
  return file;
}

Bytes read_backup(const std::string& path, const std::string& vault) {
  std::error_code unknown;
  if (std::filesystem::equivalent(path, vault + ".new", unknown)) {
    throw Error(Errc::refused, path + " has a name that the vault needs for itself: give it another name first");
  }
  // O_NONBLOCK: a pipe must not hold us up.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (file < 0) throw_system_error("cannot open the backup " + path, errno);
  struct stat status {};
  if (fstat(file, &status) != 0) throw_system_error("cannot look at the backup " + path, errno);
  if (!S_ISREG(status.st_mode)) throw Error(Errc::refused, path + " is not a regular file");
  if (status.st_uid != 0) check_owner(path, status);
  if (static_cast<std::uintmax_t>(status.st_size) > limits::vault_file_bytes) {
    throw Error(Errc::too_large, path + " has " + std::to_string(status.st_size) + " bytes, at most " +
                                     std::to_string(limits::vault_file_bytes) + " are a backup's");
  }
  if (has_journal(path)) {
    throw Error(Errc::refused, "there is " + path + "-journal: " + path +
                                   " is a copy made in the middle of a change; use a backup that fob made");
  }
  return read_all(file, path, static_cast<std::size_t>(status.st_size));
}

void replace_vault_file(const std::string& path, ByteView contents,
                        const std::function<void(const std::string&)>& inspect) {
  const HeldFolder folder(folder_of(path));
  const std::string file = folder.path() + "/" + name_of(path);
  NewFile replacement(file, contents);
  inspect(replacement.path());
  if (is_there(file)) {
    keep_replaced(file);
  } else {
    check_no_journal(file);
  }
  replacement.move_to(file);
  folder.sync();
}

}  // namespace fob
