#include "cli/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "cli/descriptor.h"
#include "cli/interrupts.h"
#include "cli/text.h"
#include "protocol/error.h"
#include "protocol/key_file/key_file.h"
#include "protocol/key_file/public_key_file.h"
#include "protocol/pattern.h"

namespace fob::cli {
namespace {

constexpr std::size_t read_chunk_bytes = 64 * 1024;

[[noreturn]] void throw_exists(const std::string& path) {
  throw Error(Errc::refused, printable(path) + " is there already, and is not overwritten: remove it, or name another");
}

std::filesystem::path folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder;
}

/// The same for all paths of one file that is yet to be created.
std::filesystem::path place_of(const std::string& path) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::canonical(folder_of(path), error);
  if (error) throw_system_error("cannot create " + printable(path), error.value());
  return folder / std::filesystem::path(path).filename();
}

void write_all(int file, ByteView contents, const std::string& path) {
  while (!contents.empty()) {
    const ssize_t written = write(file, contents.data(), contents.size());
    if (written < 0 && errno != EINTR) throw_system_error("cannot write " + printable(path), errno);
    if (written > 0) contents = contents.subspan(static_cast<std::size_t>(written));
  }
  if (fsync(file) != 0 && errno != EINVAL) throw_system_error("cannot write " + printable(path), errno);
}

void move_into_place(const std::string& from, const std::string& to, bool replace) {
  const unsigned flags = replace ? 0 : RENAME_NOREPLACE;
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0) return;
  if (errno == EEXIST) throw_exists(to);
  // Some file systems cannot refuse to replace: then whether there is a file is found out before.
  struct stat status {};
  if (errno != EINVAL || replace) throw_system_error("cannot write " + printable(to), errno);
  if (lstat(to.c_str(), &status) == 0) throw_exists(to);
  if (rename(from.c_str(), to.c_str()) != 0) throw_system_error("cannot write " + printable(to), errno);
}

/// The new file belongs to whom the old one belongs to: root changes other people's files. Its group is of no
/// consequence, and not for everybody to give.
void take_owner(int file, const struct stat& old, const std::string& path) {
  const bool is_given = fchown(file, old.st_uid, old.st_gid) == 0;
  if (is_given || old.st_uid == geteuid()) return;
  throw_system_error("cannot keep the owner of " + printable(path), errno);
}

/// Somebody else's file in its place would get this one's key, where root changes it.
bool is_unchanged(const struct stat& now, const struct stat& before) {
  return now.st_dev == before.st_dev && now.st_ino == before.st_ino && now.st_size == before.st_size &&
         now.st_mtim.tv_sec == before.st_mtim.tv_sec && now.st_mtim.tv_nsec == before.st_mtim.tv_nsec;
}

/// A name that was given lasts once its folder is written, too; file systems that cannot do that say EINVAL.
void sync_folder(const std::string& path) {
  const Descriptor folder(open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0 && fsync(folder.get()) != 0 && errno != EINVAL) {
    throw_system_error("cannot write the folder of " + printable(path), errno);
  }
}

Bytes read_to_end(int file, const std::string& name, std::size_t max_bytes) {
  Bytes out;
  for (;;) {
    const std::size_t before = out.size();
    out.resize(before + read_chunk_bytes);
    const ssize_t got = read(file, out.data() + before, read_chunk_bytes);
    const int error = errno;
    out.resize(before + static_cast<std::size_t>(got < 0 ? 0 : got));
    if (got < 0 && error != EINTR) throw_system_error("cannot read " + name, error);
    if (got == 0) return out;
    if (out.size() > max_bytes) {
      throw Error(Errc::too_large, name + " has more than " + std::to_string(max_bytes) + " bytes");
    }
  }
}

/// `finish` sees to owner and mode before the file has its name.
template <class Finish>
void put(const std::string& path, ByteView contents, bool replace, Finish finish) {
  // Ctrl-C waits until the file is whole, so that no half of one stays.
  const Interrupts interrupts;
  std::string temporary = path + ".XXXXXX";
  const Descriptor file(mkostemp(temporary.data(), O_CLOEXEC));
  if (file.get() < 0) throw_system_error("cannot create " + printable(path), errno);
  try {
    finish(file.get());
    write_all(file.get(), contents, path);
    move_into_place(temporary, path, replace);
  } catch (const Error&) {
    unlink(temporary.c_str());
    throw;
  }
  sync_folder(path);
}

}  // namespace

Bytes read_file(const std::string& path, std::size_t max_bytes) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (file.get() < 0) throw_system_error("cannot read " + printable(path), errno);
  return read_to_end(file.get(), printable(path), max_bytes);
}

Bytes read_standard_input(std::size_t max_bytes) { return read_to_end(STDIN_FILENO, "standard input", max_bytes); }

void create_file(const std::string& path, ByteView contents, unsigned mode) {
  // Ctrl-C waits until the file is whole, so that no half of one stays.
  const Interrupts interrupts;
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (file.get() < 0 && errno == EEXIST) throw_exists(path);
  if (file.get() < 0) throw_system_error("cannot create " + printable(path), errno);
  try {
    write_all(file.get(), contents, path);
  } catch (const Error&) {
    unlink(path.c_str());
    throw;
  }
}

void put_file(const std::string& path, ByteView contents, bool replace) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw Error(Errc::refused, printable(path) + " is a folder");
  put(path, contents, replace, [](int) {});
}

void rewrite_file(const std::string& path, ByteView contents, unsigned mode, const struct stat& read) {
  struct stat old {};
  if (lstat(path.c_str(), &old) != 0) throw_system_error("cannot write " + printable(path), errno);
  if (!S_ISREG(old.st_mode)) throw Error(Errc::refused, printable(path) + " is no plain file, and stays as it is");
  if (!is_unchanged(old, read)) {
    throw Error(Errc::refused, printable(path) + " has changed since it was read, and stays as it is: try again");
  }
  put(path, contents, true, [&](int file) {
    take_owner(file, old, path);
    if (fchmod(file, mode) != 0) throw_system_error("cannot write " + printable(path), errno);
  });
}

void check_can_create(const std::vector<std::string>& paths) {
  std::set<std::filesystem::path> places;
  for (const std::string& path : paths) {
    struct stat status {};
    if (lstat(path.c_str(), &status) == 0) throw_exists(path);
    if (access(folder_of(path).c_str(), W_OK | X_OK) != 0) {
      throw_system_error("cannot create " + printable(path), errno);
    }
    if (!places.insert(place_of(path)).second) {
      throw Error(Errc::refused, printable(path) + " cannot hold two things: name another file for one of them");
    }
  }
}

void write_key_pair(const std::string& path, const PrivateKey& key, std::string_view comment,
                    const SecretBytes& passphrase, KeyFileFormat format) {
  check_can_create({path, path + ".pub"});
  const Bytes text = format_key_file(key, comment, passphrase, format);
  // Ctrl-C waits until there are both.
  const Interrupts interrupts;
  create_file(path, text, private_mode);
  try {
    create_file(path + ".pub", as_bytes(public_key_line(key.public_key, comment) + '\n'), public_mode);
  } catch (const Error&) {
    unlink(path.c_str());
    throw;
  }
}

void write_standard_output(ByteView contents) { write_all(STDOUT_FILENO, contents, "standard output"); }

}  // namespace fob::cli
